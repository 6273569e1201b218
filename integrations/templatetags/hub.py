"""What templates need beside their context: the monogram that stands where a logo could, and whether mail goes out."""

import zlib

from django import template
from django.conf import settings

HUES = 6

register = template.Library()


@register.filter
def initial(name: str) -> str:
    """The first letter or digit of a name."""
    return next((character.upper() for character in name if character.isalnum()), "?")


@register.filter
def hue(name: str) -> int:
    """One of the six colours in tokens.css, always the same for a name."""
    return zlib.crc32(name.encode()) % HUES


@register.simple_tag
def sends_mail() -> bool:
    """Whether a mail server is configured: without one nobody can be sent a link."""
    return bool(settings.EMAIL_URL)
