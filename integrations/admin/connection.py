"""Connections: looked at, refreshed, revoked. Nobody adds, edits or deletes one by hand."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin import ActionLocation
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from integrations.admin import actions
from integrations.admin.actions import Action
from integrations.admin.bulk_form import query_from_list
from integrations.admin.bulk_revocation import may_begin
from integrations.admin.filters import asking
from integrations.admin.read_only import ReadOnlyAdmin, pretty, shortened
from integrations.flows.disconnect import disconnect
from integrations.flows.refresh import refresh
from integrations.flows.selection import SEARCHED, Attention, Idle, found_by
from integrations.models import Connection
from integrations.providers import PROVIDERS

REFRESH = Action(
    name="refresh_now",
    title="Refresh now",
    button="Refresh them now",
    effects=(
        "The provider is asked for a new access token for each of them, also where the present one is still good.",
        "A connection whose grant the provider has ended will need its owner to reconnect.",
    ),
    statuses=frozenset({Connection.Status.ACTIVE}),
)
REVOKE = Action(
    name="revoke_and_wipe",
    title="Revoke at provider and wipe",
    button="Revoke and wipe them",
    effects=(
        "Their tokens are wiped here at once, for good.",
        "The provider is asked to revoke them; where it does not answer, that is tried again in the background.",
        "What is connected through them stops working until their owners connect again.",
    ),
    statuses=frozenset({Connection.Status.ACTIVE, Connection.Status.NEEDS_REAUTHORIZATION}),
    asks_reason=True,
)
EVERYWHERE = (ActionLocation.CHANGE_LIST, ActionLocation.CHANGE_FORM)
REMOTE = {
    "revoked": "Wiped here and revoked at the provider",
    "pending": "Wiped here; the provider did not answer yet and will be asked again",
    "unsupported": "Wiped here; the provider has no way to be told",
    "untold": "Wiped here; the provider was not told, as the tokens did not open (HUB_SEALING_KEYS?)",
}


@admin.register(Connection)
class ConnectionAdmin(ReadOnlyAdmin):
    list_display = (
        "account",
        "owner",
        "registration",
        "status",
        "last_error_code",
        "last_refreshed_at",
        "last_used_at",
    )
    list_filter = (
        "status",
        asking("attention", "needs attention", Attention.choices),
        "registration__provider",
        "registration",
        asking("unused", "not used for", Idle.choices),
        asking("unrenewed", "not renewed for", Idle.choices),
    )
    # No filter offers these: to list the values that occur, every row would have to be read.
    linked_lookups = ("last_error_code", "last_error_code__exact", "last_error_code__isnull", "owner__id__exact")
    list_select_related = ("owner", "registration")
    ordering = ("-pk",)
    search_fields = SEARCHED
    search_help_text = "Owner, registration, provider or account"
    actions = ("refresh_now", "revoke_and_wipe")
    fieldsets = (
        (None, {"fields": ("owner", "of_owner", "registration", "account_label", "name", "issuer", "subject", "uuid")}),
        ("State", {"fields": ("status", "last_error_code", "failure_count", "created_at", "last_used_at", "events")}),
        (
            "Permissions",
            {"fields": ("features_on", "granted_scope", "unexpected_scope", "requested_features", "shown_data")},
        ),
        (
            "Renewal",
            {
                "fields": (
                    "access_expires_at",
                    "refresh_expires_at",
                    "refresh_due_at",
                    "has_refresh_token",
                    "last_refreshed_at",
                    "version",
                    "lease_until",
                    "refresh_sent",
                )
            },
        ),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Connection], search_term: str
    ) -> tuple[QuerySet[Connection], bool]:
        """The same as a bulk revocation means by these words."""
        return queryset.filter(found_by(search_term)), False

    def get_fieldsets(self, request: HttpRequest, obj: Connection | None = None) -> Any:
        """Without the way to the events for whoever may not see them."""
        fieldsets = super().get_fieldsets(request, obj)
        if request.user.has_perm("integrations.view_event"):
            return fieldsets
        return [
            (title, {**options, "fields": tuple(name for name in options["fields"] if name != "events")})
            for title, options in fieldsets
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        more = {"bulk_address": _bulk_address(request)}
        return super().changelist_view(request, more | (extra_context or {}))

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Looking needs the view permission; doing something to a connection, the change permission."""
        return request.user.has_perm("integrations.change_connection")

    @admin.display(description="account", ordering="account_label")
    def account(self, connection: Connection) -> str:
        return shortened(connection.title)

    @admin.display(description="events")
    def events(self, connection: Connection) -> SafeString:
        url = reverse("admin:integrations_event_changelist")
        return format_html('<a href="{}?connection__exact={}">What happened to it</a>', url, connection.pk)

    @admin.display(description="everything of this owner")
    def of_owner(self, connection: Connection) -> SafeString | str:
        if connection.owner is None:
            return "-"
        url = reverse("admin:integrations_connection_changelist")
        return format_html('<a href="{}?owner__id__exact={}">Their connections</a>', url, connection.owner_id)

    @admin.display(description="features on")
    def features_on(self, connection: Connection) -> str:
        provider = PROVIDERS.get(connection.registration.provider)
        if provider is None:
            return "-"
        return ", ".join(feature.title for feature in provider.features_of(connection.scope)[0]) or "-"

    @admin.display(description="kept from the token response")
    def shown_data(self, connection: Connection) -> SafeString | str:
        return pretty(connection.provider_data)

    @admin.action(description=REFRESH.title, permissions=["operate"], location=EVERYWHERE)
    def refresh_now(self, request: HttpRequest, queryset: QuerySet[Connection]) -> TemplateResponse | None:
        return self._perform(request, queryset, action=REFRESH, act=self._refresh)

    @admin.action(description=REVOKE.title, permissions=["operate"], location=EVERYWHERE)
    def revoke_and_wipe(self, request: HttpRequest, queryset: QuerySet[Connection]) -> HttpResponse | None:
        """Up to a hundred here; all that match the list's filters, as a bulk revocation."""
        if request.POST.get("select_across") == "1" and (address := _bulk_address(request)):
            return HttpResponseRedirect(address)
        return self._perform(request, queryset, action=REVOKE, act=self._revoke)

    def _perform(
        self,
        request: HttpRequest,
        queryset: QuerySet[Connection],
        *,
        action: Action,
        act: Callable[[HttpRequest, Connection], str],
    ) -> TemplateResponse | None:
        if not actions.is_confirmed(request):
            return actions.confirmation(self.admin_site, request, queryset, action=action)
        rows = actions.concerned(queryset, action)[: actions.ROWS_AT_MOST]
        actions.tell(request, actions.run(list(rows), partial(act, request), clock=timezone.now))
        return None

    def _refresh(self, request: HttpRequest, row: Connection) -> str:
        refresh(row.pk, force=True, actor=request.user.get_username())
        self.log_change(request, row, "Refreshed on request.")
        return "Refreshed"

    def _revoke(self, request: HttpRequest, row: Connection) -> str:
        reason = actions.reason(request)
        actor = request.user.get_username()
        remote = disconnect(row, actor=actor, now=timezone.now(), reason=reason).remote
        self.log_change(request, row, f"{REMOTE[remote]}. Reason: {reason or 'none given'}")
        return REMOTE[remote]


def _bulk_address(request: HttpRequest) -> str:
    """Where all that the list shows can be revoked; empty where it cannot."""
    query = query_from_list(request.GET) if may_begin(request) else None
    if query is None:
        return ""
    address = reverse("admin:integrations_bulkrevocation_begin")
    return f"{address}?{query}" if query else address
