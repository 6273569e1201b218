"""The colours of static/css/tokens.css, read from it, and how well one can be read on another (WCAG 2.2, 1.4.3)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.contrib.staticfiles import finders

TOKENS = "css/tokens.css"
TEXT, GRAPHIC = 4.5, 3.0
#: What stands on what, and the contrast it needs. A line that only divides needs none.
PAIRS: Sequence[tuple[str, str, float]] = (
    *(
        (text, ground, TEXT)
        for text in ("text", "text-muted", "accent", "danger")
        for ground in ("page", "surface", "surface-raised")
    ),
    ("accent-strong", "surface", TEXT),
    ("on-accent", "accent", TEXT),
    ("on-accent", "accent-strong", TEXT),
    ("on-danger", "danger", TEXT),
    ("on-danger", "danger-strong", TEXT),
    ("success", "surface", TEXT),
    ("success", "success-surface", TEXT),
    ("warning", "surface", TEXT),
    ("warning", "warning-surface", TEXT),
    *(("text", f"{kind}-surface", TEXT) for kind in ("success", "warning", "error", "info", "neutral")),
    ("on-inverse", "inverse", TEXT),
    ("line-strong", "surface", GRAPHIC),
    ("line-strong", "page", GRAPHIC),
    *(("on-hue", f"hue-{number}", TEXT) for number in range(6)),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two colours in one scheme: by name, as they are written, and their contrast against the one needed."""

    scheme: str
    foreground: str
    background: str
    foreground_value: str
    background_value: str
    contrast: float
    needed: float


def pairs() -> tuple[Pair, ...]:
    """Every pair, light and dark."""
    return tuple(
        Pair(
            scheme=scheme,
            foreground=foreground,
            background=background,
            foreground_value=colours[foreground],
            background_value=colours[background],
            contrast=contrast(colours[foreground], colours[background]),
            needed=needed,
        )
        for foreground, background, needed in PAIRS
        for scheme, colours in schemes().items()
    )


@lru_cache(maxsize=1)
def schemes() -> Mapping[str, Mapping[str, str]]:
    """Colours by name, in the light scheme and in the dark one, which changes some of the light."""
    light, _, dark = Path(str(finders.find(TOKENS))).read_text().partition("prefers-color-scheme: dark")
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))
    return {"light": found, "dark": {**found, **dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", dark))}}


def contrast(one: str, other: str) -> float:
    """From 1 to 21, for colours written as #rrggbb."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return round((lighter + 0.05) / (darker + 0.05), 1)


def _luminance(colour: str) -> float:
    channels = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return float(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
