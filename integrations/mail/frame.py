"""The HTML of a mail, made of its text: it is written and translated once."""

from collections.abc import Collection

from django.template.loader import render_to_string

FRAME = "account/email/message.html"


def html_of(text: str, *, subject: str, links: Collection[str]) -> str:
    """The text's paragraphs as HTML, escaped; one that is nothing but one of `links` becomes a link."""
    paragraphs = [paragraph.strip() for paragraph in text.split("\n\n") if paragraph.strip()]
    return render_to_string(FRAME, {"subject": subject, "paragraphs": paragraphs, "links": links})
