"""The catalogue's words in the reader's language."""

from django.utils.translation import gettext


def said(text: str) -> str:
    """Translate a title, description or help text of the catalogue where it is shown; the catalogue is in English."""
    # The empty text is no text to translate: gettext answers it with the header of the translation.
    return gettext(text) if text else ""
