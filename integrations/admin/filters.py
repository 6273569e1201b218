"""What lists are narrowed by beside their columns, and how far they are counted."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from integrations.flows.selection import Selection


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts so far and no further: in a table of millions, counting would cost more than the page itself."""

    counted_at_most = 5000

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[: self.counted_at_most + 1].count())

    @property
    def is_capped(self) -> bool:
        return self.count > self.counted_at_most


class ChoiceFilter(admin.SimpleListFilter):
    """One of a few questions that are no column's value."""

    choices_of: ClassVar[Sequence[tuple[str, Any]]]

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, Any]]:
        return self.choices_of

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset if value is None else queryset.filter(self.condition(value))

    def condition(self, value: str) -> Q:
        raise NotImplementedError


class SelectionFilter(ChoiceFilter):
    """One question of a `Selection`, so that the list and a bulk revocation mean the same by it."""

    def condition(self, value: str) -> Q:
        return Selection.of({str(self.parameter_name): value}).condition(now=timezone.now())


def asking(question: str, title: str, choices: Sequence[tuple[str, Any]]) -> type[SelectionFilter]:
    """The filter that asks one question of a selection, by the name it has there."""
    named = {"title": title, "parameter_name": question, "choices_of": choices}
    return type(f"{question.title()}Filter", (SelectionFilter,), named)


class AlarmFilter(ChoiceFilter):
    """Registrations that an operator must mend."""

    title = "in alarm"
    parameter_name = "alarm"
    choices_of = (("yes", "Yes"), ("no", "No"))

    def condition(self, value: str) -> Q:
        quiet = Q(last_error_code="")
        return {"yes": ~quiet, "no": quiet}.get(value, Q(pk__in=()))
