"""A process that dies at a chosen write to the database, as far as the rows can tell."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection as database

WRITES = ("INSERT", "UPDATE", "DELETE")


class Died(Exception):
    """Nobody expects this one, so nobody catches it."""


@contextmanager
def dying_when(is_the_end: Callable[[str, object], bool]) -> Iterator[None]:
    """Raise in place of the first statement for which this holds, and of every one after it."""
    dead = False

    def execute_or_die(execute: Callable[..., object], sql: str, params: object, *rest: object) -> object:
        nonlocal dead
        dead = dead or is_the_end(sql, params)
        if dead and not sql.startswith(("SAVEPOINT", "ROLLBACK", "RELEASE")):
            raise Died(sql)
        return execute(sql, params, *rest)

    with database.execute_wrapper(execute_or_die):
        yield


@contextmanager
def dying_at_write(number: int) -> Iterator[None]:
    """Die instead of the write of that number, counted from 0."""
    writes = 0

    def is_the_end(sql: str, params: object) -> bool:
        nonlocal writes
        writes += sql.startswith(WRITES)
        return writes > number

    with dying_when(is_the_end):
        yield
