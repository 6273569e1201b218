"""Events: looked at, narrowed by date and kind, taken along as a file. Nobody changes one."""

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from integrations.admin.event_dates import Chosen, choices
from integrations.admin.read_only import ReadOnlyAdmin, pretty, shortened
from integrations.flows import event_export
from integrations.models import Event

type Lines = Callable[[QuerySet[Event]], Iterator[str]]

FORMATS: dict[str, tuple[Lines, str]] = {
    "csv": (event_export.csv_lines, "text/csv"),
    "jsonl": (event_export.json_lines, "application/x-ndjson"),
}
#: What somebody typed to search by may be anything, and is not repeated in the event that tells of an export.
TYPED = frozenset(("q",))


class EventList(ChangeList):
    """Django's, narrowed by ids where a date is chosen."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Event]:
        rows: Any = super().get_queryset(request, exclude_parameters)
        span = _chosen(request).span()
        narrowed: QuerySet[Event] = rows.within(*span) if span else rows
        return narrowed


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "kind", "account", "registration", "owner", "actor", "summary")
    list_filter = ("kind", "registration__provider", "registration")
    linked_lookups = ("connection__exact",)
    list_select_related = ("owner", "registration", "connection")
    date_hierarchy = "created_at"
    ordering = ("-pk",)
    sortable_by = ()
    search_fields = ("actor", "owner__username", "registration__slug", "registration__provider")
    search_help_text = "Actor, owner, registration or provider"
    fields = ("created_at", "kind", "actor", "owner", "registration", "connection", "ip", "shown_details")

    def get_urls(self) -> list[URLPattern]:
        view = require_POST(self.export_view)
        own = path("export/", self.admin_site.admin_view(view), name="integrations_event_export")
        return [own, *super().get_urls()]

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        """Without the accounts' names for whoever may not see connections."""
        if request.user.has_perm("integrations.view_connection"):
            return self.list_display
        return tuple(name for name in self.list_display if name != "account")

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[ChangeList]:
        return EventList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        address = reverse("admin:integrations_event_export")
        query = request.GET.urlencode()
        more = {
            "dates": self._dates(request),
            "export_address": f"{address}?{query}" if query else address,
            "may_export": _may_export(request),
        }
        return super().changelist_view(request, more | (extra_context or {}))

    def export_view(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """The events that the list would show with the same address, all of them, as a file."""
        if not _may_export(request) or not self.has_view_permission(request):
            raise PermissionDenied
        kind = request.POST.get("format", "")
        if kind not in FORMATS:
            return HttpResponse("Choose a format: csv or jsonl.", status=400, content_type="text/plain")
        try:
            rows = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(reverse("admin:integrations_event_changelist") + "?e=1")
        asked = {name: True if name in TYPED else value for name, value in request.GET.items()}
        event_export.begin(actor=request.user.get_username(), kind=kind, filters=asked)
        lines, content_type = FORMATS[kind]
        response = StreamingHttpResponse(lines(rows), content_type=f"{content_type}; charset=utf-8")
        response.headers["Content-Disposition"] = f'attachment; filename="events.{kind}"'
        response.headers["Cache-Control"] = "no-store, private"
        return response

    def _dates(self, request: HttpRequest) -> list[dict[str, object]]:
        """Links to narrow by date; none where the address has something that is no date."""
        try:
            chosen = _chosen(request)
        except IncorrectLookupParameters:
            return []
        times = Event.objects.order_by("pk").values_list("created_at", flat=True)
        kept = {
            name: value for name, value in request.GET.items() if not name.startswith("created_at__") and name != "p"
        }
        return [
            {
                "title": choice.title,
                "address": None
                if choice.changes is None
                else reverse("admin:integrations_event_changelist", query={**kept, **choice.changes}),
            }
            for choice in choices(chosen, first=times.first(), last=times.last())
        ]

    @admin.display(description="account")
    def account(self, event: Event) -> str:
        return shortened(event.connection.title) if event.connection else "-"

    @admin.display(description="details")
    def shown_details(self, event: Event) -> SafeString | str:
        return pretty(event.details)

    @admin.display(description="details")
    def summary(self, event: Event) -> str:
        return ", ".join(f"{name}: {value}" for name, value in event.details.items()) or "-"


def _may_export(request: HttpRequest) -> bool:
    return request.user.has_perm("integrations.export_event")


def _chosen(request: HttpRequest) -> Chosen:
    try:
        return Chosen.read(request.GET.dict())
    except (ValueError, OverflowError) as error:
        raise IncorrectLookupParameters from error
