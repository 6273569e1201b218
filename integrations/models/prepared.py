"""Read one row by its keys, or two at once, with SQL that is written once: for what every call of a program reads.

Django writes the SQL of a query anew each time, which for rows of many columns takes longer than the database does. A
prepared read is Django's own query, compiled once for each kind of database, and its rows become the same objects. They
have all their values from the row, and are given them as they are: what Django does for an object that a program makes,
defaults and signals and all, takes as long again.

On PostgreSQL the statement is prepared there, too, once per connection: to plan a join of many tables takes the server
five times as long as to run it. Whether it may be is told by the option `prepare_threshold` of the database.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count
from typing import Any

from django.db import NotSupportedError, connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.models import Field, Model, QuerySet
from django.db.models.base import ModelState

type AnyField = Field[Any, Any]
type Key = tuple[AnyField, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Shape:
    """Which columns of a row are an object, and what hangs on it. `tie` has two objects know of each other."""

    model: type[Model]
    columns: slice
    names: tuple[str, ...]
    key: int
    tie: Callable[[Any, Any], None]
    related: tuple["_Shape", ...]

    def made(self, row: Sequence[Any], alias: str, fetch_mode: Any) -> Any:
        """The object; None where an outer join found nothing."""
        if row[self.key] is None:
            return None
        made: Any = self.model.__new__(self.model)
        made._state = state = ModelState()
        state.adding, state.db, state.fetch_mode = False, alias, fetch_mode
        made.__dict__.update(zip(self.names, row[self.columns], strict=True))
        for shape in self.related:
            shape.tie(made, shape.made(row, alias, fetch_mode))
        return made


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    """What was compiled. `parameters` names the key for each mark in the SQL; a constant stands for itself.

    `fields` are those of the columns, in their order.
    """

    sql: str
    parameters: tuple[tuple[str, object], ...]
    fields: tuple[AnyField, ...]
    shape: _Shape
    fetch_mode: Any
    converters: tuple[tuple[int, Sequence[Callable[..., Any]], Any], ...]

    def given(self, values: Mapping[str, object]) -> list[object]:
        """The parameters for these values of keys."""
        return [values[key] if key else constant for key, constant in self.parameters]

    def made(self, row: list[Any], connection: BaseDatabaseWrapper) -> Any:
        """What a row is; None where there is none."""
        for place, converters, expression in self.converters:
            for convert in converters:
                row[place] = convert(row[place], expression, connection)
        return self.shape.made(row, connection.alias, self.fetch_mode)


class PreparedRead[Row: Model]:
    """The one row that `rows` finds for its keys, or None.

    `keys` are the fields that the keys are compared with, each with a value of its own kind that stands in while the
    SQL is written, and nowhere else in the query.
    """

    def __init__(self, model: type[Row], rows: Callable[..., QuerySet[Row]], **keys: Key) -> None:
        self._model = model
        self._rows = rows
        self._keys = keys
        self._plans: dict[str, _Plan] = {}

    def first(self, **given: object) -> Row | None:
        """The row for these keys: all that were named, and no other."""
        connection = self.connection()
        plan = self._plans.get(connection.vendor)
        if plan is None:
            plan = self.plan(connection)
            plan = self._plans[connection.vendor] = replace(plan, sql=f"{plan.sql} LIMIT 1")
        found = _found(connection, plan.sql, plan.given(self.values(given, connection)))
        return None if found is None else plan.made(list(found), connection)

    @property
    def keys(self) -> frozenset[str]:
        """What its keys are called."""
        return frozenset(self._keys)

    def connection(self) -> BaseDatabaseWrapper:
        """Where it is read, by this thread."""
        return connections[router.db_for_read(self._model)]

    def values(self, given: Mapping[str, object], connection: BaseDatabaseWrapper) -> dict[str, object]:
        """Its keys, out of those that are given, as the database takes them."""
        return {
            name: field.get_db_prep_value(given[name], connection, prepared=False)
            for name, (field, _) in self._keys.items()
        }

    def plan(self, connection: BaseDatabaseWrapper) -> _Plan:
        """What Django makes of the query, for all rows that it finds."""
        examples = {name: example for name, (_, example) in self._keys.items()}
        rows = self._rows(**examples).order_by()
        compiler: Any = rows.query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        names = {value: name for name, value in self.values(examples, connection).items()}
        converters = compiler.get_converters([column[0] for column in compiler.select])
        return _Plan(
            sql=sql,
            parameters=tuple((names.get(value, ""), value) for value in parameters),
            fields=tuple(column[0].target for column in compiler.select),
            shape=_shape(compiler.klass_info, compiler.select),
            fetch_mode=rows._fetch_mode,  # type: ignore[attr-defined]
            converters=tuple((place, found, expression) for place, (found, expression) in converters.items()),
        )


class PreparedPair[One: Model, Other: Model]:
    """One row by its keys and, where there is one, the other that is found by keys of its own and goes with it.

    `on` are pairs of fields, of the one's columns and of the other's, that must be equal. Both are read at once, so one
    statement goes to the database, and what they say is true of the same moment.
    """

    def __init__(
        self, one: PreparedRead[One], other: PreparedRead[Other], *, on: Sequence[tuple[AnyField, AnyField]]
    ) -> None:
        if shared := one.keys & other.keys:
            raise ValueError(f"Both have a key of this name: {', '.join(sorted(shared))}.")
        self._one, self._other, self._on = one, other, on
        self._plans: dict[str, tuple[str, _Plan, _Plan]] = {}

    def first(self, **given: object) -> tuple[One, Other | None] | None:
        """Both rows for these keys, those of both."""
        connection = self._one.connection()
        sql, one, other = self._plans.get(connection.vendor) or self._plan(connection)
        values = self._one.values(given, connection) | self._other.values(given, connection)
        found = _found(connection, sql, [*one.given(values), *other.given(values)])
        if found is None:
            return None
        width = len(one.fields)
        return one.made([*found[:width]], connection), other.made([*found[width:]], connection)

    def _plan(self, connection: BaseDatabaseWrapper) -> tuple[str, _Plan, _Plan]:
        one, other = self._one.plan(connection), self._other.plan(connection)
        joined = " AND ".join(
            f"one.c{one.fields.index(left)} = other.c{other.fields.index(right)}" for left, right in self._on
        )
        # Written by Django, and by us: nothing in it is anybody's.
        sql = (
            f"WITH one ({_numbered(one)}) AS ({one.sql}), other ({_numbered(other)}) AS ({other.sql}) "  # noqa: S608
            f"SELECT * FROM one LEFT JOIN other ON {joined} LIMIT 1"
        )
        self._plans[connection.vendor] = sql, one, other
        return sql, one, other


def _numbered(plan: _Plan) -> str:
    # Columns of several tables have the same name.
    return ", ".join(f"c{number}" for number in range(len(plan.fields)))


def _shape(info: Mapping[str, Any], select: Sequence[Any]) -> _Shape:
    columns = slice(info["select_fields"][0], info["select_fields"][-1] + 1)
    model: type[Model] = info["model"]
    names = tuple(column[0].target.attname for column in select[columns])
    return _Shape(
        model=model,
        columns=columns,
        names=names,
        key=columns.start + names.index(model._meta.pk.attname),
        tie=_tie(info),
        related=tuple(_shape(related, select) for related in info.get("related_klass_infos", ())),
    )


def _tie(info: Mapping[str, Any]) -> Callable[[Any, Any], None]:
    here, there = info.get("local_setter"), info.get("remote_setter")

    def tie(made: Any, related: Any) -> None:
        if here:
            here(made, related)
        if there and related is not None:
            there(related, made)

    return tie


def _found(connection: BaseDatabaseWrapper, sql: str, parameters: Sequence[Any]) -> tuple[Any, ...] | None:
    # A statement that is to be shown in a log has its parameters within.
    if connection.vendor != "postgresql" or connection.queries_logged:
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchone()  # type: ignore[no-any-return]
    try:
        with _raw_cursor(connection) as cursor:
            cursor.execute(_with_numbers(sql), parameters)
            return cursor.fetchone()  # type: ignore[no-any-return]
    except NotSupportedError:
        # A column is of another type now, and the server refuses what it prepared before. A transaction is over then.
        if connection.in_atomic_block:
            raise
    # Unprepared this time, for a pooler may have kept another statement than psycopg has forgotten.
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
        cursor.execute(sql, parameters)
        return cursor.fetchone()  # type: ignore[no-any-return]


def _raw_cursor(connection: BaseDatabaseWrapper) -> CursorWrapper:
    """A cursor that sends a statement as it is and its parameters apart, so that the server can keep the statement.

    Django has its connections make another kind, which looks for the marks in it anew each time.
    """
    connection.ensure_connection()
    cursor = connection.Database.RawCursor(connection.connection)  # type: ignore[attr-defined]
    return connection._prepare_cursor(cursor)  # type: ignore[attr-defined, no-any-return]


@lru_cache(maxsize=64)
def _with_numbers(sql: str) -> str:
    """A statement with PostgreSQL's own marks for parameters."""
    numbers = count(1)
    return re.sub("%(.)", lambda found: f"${next(numbers)}" if found[1] == "s" else found[1], sql)
