"""Words looked for, found whatever the case and the accents.

In Python and not in the database: SQLite folds the case of ASCII alone, PostgreSQL that of its locale, and neither
knows that a letter can be written with its accent or with a combining one behind it.
"""

import unicodedata


def folded(text: str) -> str:
    """The text as it is compared: “MÜLLER”, “müller” and “muller” are the same, and so are “straße” and “STRASSE”."""
    # Folding the case of what is composed and then taking it apart would leave the dot of “İ” behind, and the reverse
    # alone would leave compatibility letters in their case: apart, folded, apart again.
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(character for character in apart if not unicodedata.combining(character))


def matches(words: str, *texts: str) -> bool:
    """Whether every word is somewhere in one of the texts."""
    shown = "\n".join(map(folded, texts))
    return all(word in shown for word in folded(words).split())
