"""25.11.2026, 14:05: as a browser writes it (static/js/moments.js)."""

DATE_FORMAT = "d.m.Y"
DATETIME_FORMAT = "d.m.Y, H:i"
TIME_FORMAT = "H:i"
