"""A server that serves no request with settings that `manage.py check` would refuse."""

import logging

from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connections

from integrations.checks import KEYS_IN_USE
from integrations.flows import keys

logger = logging.getLogger(__name__)


def refuse_errors() -> None:
    """Run the hub's own checks, also those of what the database says of the sealing keys, and let it know the keys.

    A database that is not there, or not migrated, keeps nobody from starting: before anything is opened or sealed, the
    vault looks at the keys itself.

    Raises:
        ImproperlyConfigured: one found an error; the message tells all of them.
    """
    errors = [message for message in run_checks() if str(message.id).startswith("hub.E")]
    try:
        errors += [] if errors else run_checks(tags=[KEYS_IN_USE], databases=["default"])
        if not errors:
            keys.admit()
    except DatabaseError as error:
        logger.warning("sealing keys are not checked yet: no usable database", extra={"error": type(error).__name__})
    finally:
        connections.close_all()
    if errors:
        raise ImproperlyConfigured("Not started. " + " ".join(f"{error.id}: {error.msg}" for error in errors))
