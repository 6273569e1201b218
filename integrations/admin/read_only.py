"""Admins in which rows are looked at, or changed by flows alone."""

import json

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from integrations.admin.filters import CappedPaginator
from integrations.admin.list_query import GuardedList

NAME_SHOWN = 40


class FlowAdmin(GuardedList):
    """An admin whose changes are flows: they open their own transactions, and never one around a provider's answer."""

    told_by_flows = True

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, object] | None = None,
    ) -> HttpResponse:
        """Django's view without the transaction that it opens around a POST."""
        response: HttpResponse = self._changeform_view(  # type: ignore[attr-defined]
            request, object_id, form_url, extra_context
        )
        return response


class ReadOnlyAdmin(FlowAdmin):
    """No add, no change, no delete; related rows come in the list's own query."""

    show_full_result_count = False
    # They would read the whole table once for each choice of each filter.
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 200
    paginator = CappedPaginator

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        rows, related = super().get_queryset(request), self.list_select_related
        return rows.select_related(*related) if isinstance(related, tuple) and related else rows

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def pretty(value: object) -> SafeString | str:
    """JSON, one member a line, as a page shows it; a dash for nothing."""
    if not value:
        return "-"
    return format_html("<pre>{}</pre>", json.dumps(value, indent=2, ensure_ascii=False))


def shortened(name: str) -> str:
    """What people named, for a list: one unbroken word would push the other columns out of sight."""
    return Truncator(name).chars(NAME_SHOWN)
