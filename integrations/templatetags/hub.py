"""What templates need beside their context: the monogram that stands where a logo could, and whether mail goes out."""

import re
import zlib
from functools import lru_cache
from pathlib import Path

from django import template
from django.conf import settings
from django.contrib.staticfiles import finders

HUES = 6
MARKS = "marks/marks.svg"

register = template.Library()


@register.filter
def initial(name: str) -> str:
    """The first letter or digit of a name."""
    return next((character.upper() for character in name if character.isalnum()), "?")


@register.filter
def hue(name: str) -> int:
    """One of the six colours in tokens.css, always the same for a name."""
    return zlib.crc32(name.encode()) % HUES


@register.filter
def has_mark(provider: str) -> bool:
    """Whether there is a drawn mark for a key of the catalogue."""
    return provider in _marks()


@lru_cache(maxsize=1)
def _marks() -> frozenset[str]:
    found = finders.find(MARKS)
    return frozenset(re.findall(r'<symbol id="([a-z0-9_-]+)"', Path(found).read_text())) if found else frozenset()


@register.simple_tag
def sends_mail() -> bool:
    """Whether a mail server is configured: without one nobody can be sent a link."""
    return bool(settings.EMAIL_URL)
