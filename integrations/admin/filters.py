"""What lists are narrowed by beside their columns, and how far they are counted."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from integrations.flows.selection import Attention, Idle, idle, needing


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


class AttentionFilter(ChoiceFilter):
    title = "needs attention"
    parameter_name = "attention"
    choices_of = Attention.choices

    def condition(self, value: str) -> Q:
        return needing(value, now=timezone.now())


class UnusedFilter(ChoiceFilter):
    title = "not used for"
    parameter_name = "unused"
    choices_of = Idle.choices

    def condition(self, value: str) -> Q:
        return idle("last_used_at", value, now=timezone.now())


class UnrenewedFilter(ChoiceFilter):
    title = "not renewed for"
    parameter_name = "unrenewed"
    choices_of = Idle.choices

    def condition(self, value: str) -> Q:
        return idle("last_refreshed_at", value, now=timezone.now())


class AlarmFilter(ChoiceFilter):
    """Registrations that an operator must mend."""

    title = "in alarm"
    parameter_name = "alarm"
    choices_of = (("yes", "Yes"), ("no", "No"))

    def condition(self, value: str) -> Q:
        quiet = Q(last_error_code="")
        return {"yes": ~quiet, "no": quiet}.get(value, Q(pk__in=()))
