"""Spans of time in words, whole sentences each, so that they can be translated."""

from datetime import timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

MINUTE, HOUR, DAY = 60, 3600, 86400
MONTH, YEAR = 30 * DAY, 365 * DAY


def expires_in(span: timedelta) -> str:
    """What is left of an access that only a person can renew, rounded down, so that nothing is promised."""
    seconds = int(span.total_seconds())
    if seconds >= DAY:
        text = ngettext(
            "Expires in %(count)d day unless reconnected",
            "Expires in %(count)d days unless reconnected",
            count := seconds // DAY,
        )
    elif seconds >= HOUR:
        text = ngettext(
            "Expires in %(count)d hour unless reconnected",
            "Expires in %(count)d hours unless reconnected",
            count := seconds // HOUR,
        )
    else:
        text = ngettext(
            "Expires in %(count)d minute unless reconnected",
            "Expires in %(count)d minutes unless reconnected",
            count := max(seconds // MINUTE, 1),
        )
    return text % {"count": count}


def used_ago(span: timedelta) -> str:
    """How long ago something was last used, in the largest unit that fits."""
    seconds = int(span.total_seconds())
    if seconds < MINUTE:
        return _("Used just now")
    if seconds < HOUR:
        count = seconds // MINUTE
        text = ngettext("Used %(count)d minute ago", "Used %(count)d minutes ago", count)
    elif seconds < DAY:
        count = seconds // HOUR
        text = ngettext("Used %(count)d hour ago", "Used %(count)d hours ago", count)
    elif seconds < MONTH:
        count = seconds // DAY
        text = ngettext("Used %(count)d day ago", "Used %(count)d days ago", count)
    elif seconds < YEAR:
        count = seconds // MONTH
        text = ngettext("Used %(count)d month ago", "Used %(count)d months ago", count)
    else:
        count = seconds // YEAR
        text = ngettext("Used %(count)d year ago", "Used %(count)d years ago", count)
    return text % {"count": count}
