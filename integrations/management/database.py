"""Commands that say in one sentence that the database cannot be used."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import CommandError
from django.db import InterfaceError, OperationalError, ProgrammingError

UNUSABLE = 3


@contextmanager
def needed_database() -> Iterator[None]:
    """What goes wrong with the database in the block ends the command, with exit code 3."""
    try:
        yield
    except (OperationalError, ProgrammingError, InterfaceError) as error:
        raise CommandError(
            f"The database cannot be used ({type(error).__name__}). Check DATABASE_URL, then run 'manage.py migrate'.",
            returncode=UNUSABLE,
        ) from error
