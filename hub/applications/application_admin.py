"""Applications, for operators: what each is and may use by itself; switched off and on; its secret is on no page."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import Action, ActionLocation
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from oauth2_provider.models import Application

from hub.applications import registration
from hub.applications.admin_form import AdminForm
from hub.applications.authorizations import people_of, shown_name
from hub.applications.kinds import SERVICE, kind_of
from hub.applications.suspension import resume, suspend
from integrations.admin.actions import REASON_LENGTH, ROWS_AT_MOST, is_confirmed, reason
from integrations.admin.list_query import GuardedList
from integrations.flows.events import record
from integrations.models import Allowance, Event

DIGITS = 18
TEMPLATE = "admin/oauth2_provider/application/confirm.html"


@dataclass(frozen=True, kw_only=True, slots=True)
class Switch:
    """One of the two ways, in the words of the confirmation page."""

    name: str
    title: str
    button: str
    effects: tuple[str, ...]
    done: str


ON = Switch(
    name="switch_on",
    title="Switch on",
    button="Switch them on",
    effects=(
        "They may ask people for access and fetch tokens again. The tokens they had do not come back.",
        "What people and operators allowed them before holds again.",
    ),
    done="Switched on",
)
OFF = Switch(
    name="switch_off",
    title="Switch off",
    button="Switch them off",
    effects=(
        "Their access and refresh tokens end now: the next call of each is refused.",
        "Nobody can allow them anything, and they get no tokens, until they are on again.",
        "What people and operators allowed them is kept, and can be taken back meanwhile.",
    ),
    done="Switched off",
)


class StandingFilter(admin.SimpleListFilter):
    """On or off."""

    title = "standing"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("on", "On"), ("off", "Switched off")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in ("on", "off"):
            return queryset
        return queryset.filter(suspension__isnull=self.value() == "on")


class ApplicationAdmin(GuardedList):
    """People register them on the pages, and commands make them; here they are looked at and switched off."""

    list_display = ("name", "client_id", "kind", "is_on", "user", "created")
    list_filter = (StandingFilter, "client_type", "authorization_grant_type")
    list_select_related = ("user", "suspension")
    view_on_site = False
    form = AdminForm
    search_fields = ("name", "client_id", "user__username")
    actions = ("switch_on", "switch_off")
    fields = (
        *("name", "client_id", "user", "client_type", "authorization_grant_type", "redirect_uris"),
        *("is_on", "why_off", "people", "opened", "created", "updated"),
    )
    readonly_fields = (
        *("client_id", "user", "client_type", "authorization_grant_type"),
        *("is_on", "why_off", "people", "opened", "created", "updated"),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_switch_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("applications.add_suspension")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.switch_view)
        return [path("<int:pk>/switch/", view, name="oauth2_provider_application_switch"), *super().get_urls()]

    def get_actions(
        self, request: HttpRequest, action_location: ActionLocation = ActionLocation.CHANGE_LIST
    ) -> dict[str, Action | None]:
        """One is deleted on its own page, which says what goes with it."""
        offered = super().get_actions(request, action_location)
        return {name: action for name, action in offered.items() if name != "delete_selected"}

    @admin.action(description=ON.title, permissions=["switch"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[Application]) -> TemplateResponse | None:
        return self._switch(request, queryset, to=ON)

    @admin.action(description=OFF.title, permissions=["switch"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[Application]) -> TemplateResponse | None:
        return self._switch(request, queryset, to=OFF)

    def switch_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The way from the application's page: the question that the list's action asks, with its form."""
        if not self.has_switch_permission(request):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        row = Application.objects.filter(pk=pk).first() if len(str(pk)) <= DIGITS else None
        if row is None:
            raise Http404
        return self._confirmation(request, [row], to=ON if hasattr(row, "suspension") else OFF)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        context = {
            "may_switch": self.has_switch_permission(request),
            "is_off": row is not None and hasattr(row, "suspension"),
            "may_open": row is not None
            and kind_of(row) is SERVICE
            and request.user.has_perm("integrations.add_allowance"),
            "may_see_opened": request.user.has_perm("integrations.view_allowance"),
        }
        response: HttpResponse = super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})
        return response

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Tokens go with it, although nobody may delete one by hand."""
        listed = [f"Application: {shown_name(row)}, with its tokens and all that was allowed to it" for row in objs]
        return listed, {"applications": len(listed)}, set(), []

    def delete_model(self, request: HttpRequest, obj: Application) -> None:
        registration.delete(obj, actor=request.user.get_username())

    def _switch(self, request: HttpRequest, queryset: QuerySet[Application], *, to: Switch) -> TemplateResponse | None:
        rows = list(queryset.filter(suspension__isnull=to is OFF).order_by("name", "pk")[:ROWS_AT_MOST])
        if not rows:
            messages.warning(request, f"{to.title}: none of the selected applications is in a state for that.")
            return None
        if not is_confirmed(request):
            return self._confirmation(request, rows, to=to)
        why = reason(request)
        for row in rows:
            self._set(request, row, to=to, why=why)
        messages.success(request, f"{to.done}: {', '.join(map(shown_name, rows))}.")
        return None

    def _set(self, request: HttpRequest, row: Application, *, to: Switch, why: str) -> None:
        operator = request.user.get_username()
        details = {
            "action": to.done.lower(),
            "object": f"oauth2_provider.application {row.pk}",
            "application": shown_name(row),
            "client_id": row.client_id,
            "reason": why,
        }
        with transaction.atomic():
            if suspend(row, operator=operator, reason=why) if to is OFF else resume(row):
                record(Event.Kind.ADMIN_ACTION, actor=operator, details=details)
                # What is told of it is told above.
                super(GuardedList, self).log_change(request, row, f"{to.done}. Reason: {why or 'none given'}")

    def _confirmation(self, request: HttpRequest, rows: list[Application], *, to: Switch) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": to.title,
            "opts": self.opts,
            "switch": to,
            "rows": [(shown_name(row), row, people_of(row)) for row in rows],
            "checkbox_name": ACTION_CHECKBOX_NAME,
            "reason_length": REASON_LENGTH,
        }
        return TemplateResponse(request, TEMPLATE, context)

    @admin.display(description="kind")
    def kind(self, application: Application) -> str:
        kind = kind_of(application)
        return str(kind.title) if kind else "-"

    @admin.display(description="on", boolean=True)
    def is_on(self, application: Application) -> bool:
        return not hasattr(application, "suspension")

    @admin.display(description="why it is off")
    def why_off(self, application: Application) -> str:
        if not hasattr(application, "suspension"):
            return "-"
        off = application.suspension
        return f"{off.operator}, {off.created_at:%Y-%m-%d %H:%M} UTC: {off.reason or 'no reason given'}"

    @admin.display(description="people who use it")
    def people(self, application: Application) -> int:
        return people_of(application)

    @admin.display(description="may use by itself")
    def opened(self, application: Application) -> SafeString | str:
        """What operators opened to it, of the hub's own."""
        if kind_of(application) is not SERVICE:
            return "Nothing: it acts for people, who allow it what is theirs."
        rules = Allowance.objects.filter(issuer="", client_id=application.client_id, person__isnull=True)
        lines = [
            (
                rule.registration.slug,
                str(rule.connection.uuid) if rule.connection else "all of the hub's own",
                rule.scope,
            )
            for rule in rules.select_related("registration", "connection")
        ]
        if not lines:
            return "Nothing, until an operator opens connections of the hub itself to it."
        return format_html("<ul>{}</ul>", format_html_join("", "<li><strong>{}</strong>, {}: {}</li>", lines))
