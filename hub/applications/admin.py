"""What operators open to applications that act for themselves: connections of the hub's own, and nobody else's."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.options import Action, ActionLocation
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from oauth2_provider.models import Application

from hub.applications.authorizations import shown_name
from hub.applications.recipient import Asked, ForeignClientForm, asked, described, name_of, registrations, services
from hub.applications.rule_form import RuleForm, rule_form
from integrations.admin.read_only import ReadOnlyAdmin
from integrations.flows import open_registration
from integrations.models import Allowance
from integrations.providers import PROVIDERS

CHOOSE_TEMPLATE = "admin/integrations/allowance/choose.html"


@admin.register(Allowance)
class RuleAdmin(ReadOnlyAdmin):
    """Rows of operators. Those of people are theirs: they see and change them on their own pages."""

    list_display = ("application", "client_id", "known_by", "for_whom", "registration", "what", "scope", "created_at")
    list_filter = ("registration__provider",)
    list_select_related = ("registration", "connection")
    linked_lookups = ("client_id__exact", "issuer__exact")
    search_fields = ("client_id", "issuer", "subject", "registration__slug")
    search_help_text = "client_id, issuer, subject or registration"
    view_on_site = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("integrations.add_allowance")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("integrations.delete_allowance")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request).filter(person__isnull=True)
        name = Application.objects.filter(client_id=OuterRef("client_id")).values("name")
        named: QuerySet[Any] = rows.annotate(application_name=Subquery(name[:1]))
        return named

    def get_actions(
        self, request: HttpRequest, action_location: ActionLocation = ActionLocation.CHANGE_LIST
    ) -> dict[str, Action | None]:
        """One at a time: each page says what goes."""
        offered = super().get_actions(request, action_location)
        return {name: action for name, action in offered.items() if name != "delete_selected"}

    def get_fields(self, request: HttpRequest, obj: Allowance | None = None) -> tuple[str, ...]:
        if obj is None:
            return ("features", "scope", "connection")
        return (
            *("application", "client_id", "known_by", "for_whom"),
            *("registration", "what", "features", "scope", "created_at"),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Allowance | None = None) -> tuple[str, ...]:
        return () if obj is None else (*self.get_fields(request, obj),)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """First to which application, and where; then what of it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        found = asked(request.GET)
        if found.recipient is None or found.registration is None:
            return self._choose(request, found)
        service = f"{PROVIDERS[found.registration.provider].name} ({found.registration.slug})"
        title = f"Open {service} to {described(found.recipient)}"
        return super().add_view(request, form_url, {**(extra_context or {}), "title": title})

    def get_form(
        self, request: HttpRequest, obj: Allowance | None = None, change: bool = False, **kwargs: Any
    ) -> type[Any]:
        found = asked(request.GET)
        if obj is not None or found.recipient is None or found.registration is None:
            form: type[Any] = super().get_form(request, obj, change=change, **kwargs)
            return form
        return rule_form(found.recipient, found.registration)

    def save_form(self, request: HttpRequest, form: RuleForm, change: bool) -> Allowance:
        return form.opened(actor=request.user.get_username())

    def save_model(self, request: HttpRequest, obj: Allowance, form: RuleForm, change: bool) -> None:
        """The flow has saved it already."""

    def save_related(self, request: HttpRequest, form: RuleForm, formsets: object, change: bool) -> None:
        """There is nothing related."""

    def delete_model(self, request: HttpRequest, obj: Allowance) -> None:
        open_registration.close(obj, client_name=self.application(obj), actor=request.user.get_username())

    def _choose(self, request: HttpRequest, found: Asked) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Open connections of the hub itself to an application",
            "opts": self.opts,
            "applications": [(row, shown_name(row)) for row in services().order_by("name", "pk")],
            "chosen": found.application,
            "registrations": registrations().order_by("slug"),
            "form": (found.form or ForeignClientForm()) if settings.HUB_TRUSTED_ISSUERS else None,
        }
        return TemplateResponse(request, CHOOSE_TEMPLATE, context)

    @admin.display(description="application")
    def application(self, rule: Any) -> str:
        return name_of(rule, rule.application_name)

    @admin.display(description="known by", ordering="issuer")
    def known_by(self, rule: Allowance) -> str:
        return rule.issuer or "this hub"

    @admin.display(description="acts for")
    def for_whom(self, rule: Allowance) -> str:
        return rule.subject or "itself"

    @admin.display(description="connections")
    def what(self, rule: Allowance) -> str:
        return str(rule.connection) if rule.connection else "all of the hub's own there"
