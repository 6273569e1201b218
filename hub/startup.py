"""A server that serves no request with settings that `manage.py check` would refuse."""

from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured


def refuse_errors() -> None:
    """Run the hub's own checks.

    Raises:
        ImproperlyConfigured: one found an error; the message tells all of them.
    """
    errors = [message for message in run_checks() if str(message.id).startswith("hub.E")]
    if errors:
        raise ImproperlyConfigured("Not started. " + " ".join(f"{error.id}: {error.msg}" for error in errors))
