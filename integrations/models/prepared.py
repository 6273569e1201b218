"""Read one row by its keys, with SQL that is written once: for what is read at every call of a program.

Django writes the SQL of a query anew each time, which for rows of many columns takes longer than the database does. A
prepared read is Django's own query, compiled once for each kind of database, and its rows become the same objects. They
have all their values from the row, and are given them as they are: what Django does for an object that a program makes,
defaults and signals and all, takes as long again.

On PostgreSQL the statement is prepared there, too, once per connection: to plan a join of five tables takes the server
five times as long as to run it. Whether it may be is told by the option `prepare_threshold` of the database.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import NotSupportedError, connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.models import Field, Model, QuerySet
from django.db.models.base import ModelState

type Key = tuple[Field[Any, Any], object]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Shape:
    """Which columns of a row are an object, and what hangs on it. `tie` has two objects know of each other."""

    model: type[Model]
    columns: slice
    names: tuple[str, ...]
    key: int
    tie: Callable[[Any, Any], None]
    related: tuple["_Shape", ...]

    def object(self, row: Sequence[Any], alias: str, fetch_mode: Any) -> Any:
        """The object; None where an outer join found nothing."""
        if row[self.key] is None:
            return None
        made: Any = self.model.__new__(self.model)
        made._state = state = ModelState()
        state.adding, state.db, state.fetch_mode = False, alias, fetch_mode
        made.__dict__.update(zip(self.names, row[self.columns], strict=True))
        for shape in self.related:
            shape.tie(made, shape.object(row, alias, fetch_mode))
        return made


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    """What was compiled. `parameters` names the key for each mark in the SQL; a constant stands for itself."""

    sql: str
    parameters: tuple[tuple[str, object], ...]
    shape: _Shape
    fetch_mode: Any
    converters: tuple[tuple[int, Sequence[Callable[..., Any]], Any], ...]


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
        connection = connections[router.db_for_read(self._model)]
        plan = self._plans.get(connection.vendor) or self._plan(connection)
        values = self._prepared(given, connection)
        parameters: list[Any] = [values[key] if key else constant for key, constant in plan.parameters]
        found = _found(connection, plan.sql, parameters)
        return None if found is None else self._made(plan, list(found), connection)

    def _examples(self) -> dict[str, object]:
        return {name: example for name, (_, example) in self._keys.items()}

    def _prepared(self, values: Mapping[str, object], connection: BaseDatabaseWrapper) -> dict[str, object]:
        return {
            name: field.get_db_prep_value(values[name], connection, prepared=False)
            for name, (field, _) in self._keys.items()
        }

    def _plan(self, connection: BaseDatabaseWrapper) -> _Plan:
        rows = self._rows(**self._examples()).order_by()[:1]
        compiler: Any = rows.query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        names = {value: name for name, value in self._prepared(self._examples(), connection).items()}
        converters = compiler.get_converters([column[0] for column in compiler.select])
        plan = _Plan(
            sql=sql,
            parameters=tuple((names.get(value, ""), value) for value in parameters),
            shape=_shape(compiler.klass_info, compiler.select),
            fetch_mode=rows._fetch_mode,  # type: ignore[attr-defined]
            converters=tuple((place, found, expression) for place, (found, expression) in converters.items()),
        )
        self._plans[connection.vendor] = plan
        return plan

    def _made(self, plan: _Plan, row: list[Any], connection: BaseDatabaseWrapper) -> Row:
        for place, converters, expression in plan.converters:
            for convert in converters:
                row[place] = convert(row[place], expression, connection)
        return plan.shape.object(row, connection.alias, plan.fetch_mode)  # type: ignore[no-any-return]


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
    try:
        with _cursor(connection) as cursor:
            cursor.execute(sql, parameters)
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


def _cursor(connection: BaseDatabaseWrapper) -> CursorWrapper:
    """A cursor that sends a statement and its parameters apart, where the database can keep the statement then."""
    if connection.vendor != "postgresql":
        return connection.cursor()
    connection.ensure_connection()
    # psycopg's own kind of cursor; Django has its connections make another, which puts values into the statement.
    cursor = connection.Database.Cursor(connection.connection)  # type: ignore[attr-defined]
    return connection._prepare_cursor(cursor)  # type: ignore[attr-defined, no-any-return]
