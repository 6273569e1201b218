"""Client registrations: choose a provider, answer its questions, copy the redirect URI, never see a secret again."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin import ActionLocation
from django.contrib.admin.options import Action
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from integrations.admin.check_up import CheckUp
from integrations.admin.filters import AlarmFilter
from integrations.admin.read_only import pretty
from integrations.admin.registration_form import RegistrationForm, form_for, variable_names
from integrations.admin.switch import OFF, ON, confirmation, switch
from integrations.flows.clients import redirect_uri
from integrations.flows.connection_counts import connection_counts
from integrations.models import ClientRegistration
from integrations.providers import PROVIDERS, Provider, UnknownProvider, get

type Fieldset = tuple[str | None, Any]
type Fieldsets = list[Any]

DIGITS = 18
CHOOSE_TEMPLATE = "admin/integrations/clientregistration/choose_provider.html"
STATE = ("last_error_code", "last_error_at", "metadata_fetched_at", "shown_metadata", "created_at")
OPTIONS = ("enabled", "without_pkce", "token_requests_per_minute")
SHOWN = ("shown_redirect_uri", "shown_variables", "secret_stored", *STATE)


@admin.register(ClientRegistration)
class ClientRegistrationAdmin(CheckUp):
    list_display = ("slug", "provider_name", "client_id", "enabled", "connection_count", "last_error_code")
    list_filter = ("enabled", AlarmFilter, "provider", "last_error_code")
    list_select_related = ()
    search_fields = ("slug", "provider", "client_id")
    search_help_text = "Slug, provider or client_id"
    actions = ("switch_on", "switch_off")

    def get_readonly_fields(self, request: HttpRequest, obj: ClientRegistration | None = None) -> tuple[str, ...]:
        return SHOWN if obj is None else (*SHOWN, "slug", "enabled")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.switch_view)
        return [path("<int:pk>/switch/", view, name="integrations_clientregistration_switch"), *super().get_urls()]

    def switch_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The way from the registration's page: the question that the list's action asks, with its form.

        It is no action of the page itself: Enter in a field of its form would press the action's button.
        """
        if not self.has_change_permission(request):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        rows = ClientRegistration.objects.filter(pk=pk) if len(str(pk)) <= DIGITS else ClientRegistration.objects.none()
        row = rows.first()
        if row is None:
            raise Http404
        return confirmation(self, request, [row], to=OFF if row.enabled else ON)

    def get_actions(
        self, request: HttpRequest, action_location: ActionLocation = ActionLocation.CHANGE_LIST
    ) -> dict[str, Action | None]:
        """Django's deletion of many would say nothing of their connections; one is deleted on its own page."""
        offered = super().get_actions(request, action_location)
        return {name: action for name, action in offered.items() if name != "delete_selected"}

    @admin.action(description=ON.title, permissions=["change"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[ClientRegistration]) -> TemplateResponse | None:
        return switch(self, request, queryset, to=ON)

    @admin.action(description=OFF.title, permissions=["change"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[ClientRegistration]) -> TemplateResponse | None:
        return switch(self, request, queryset, to=OFF)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """First which provider, then its form."""
        if request.GET.get("provider") in PROVIDERS:
            return super().add_view(request, form_url, extra_context)
        if not self.has_add_permission(request):
            raise PermissionDenied
        providers = [p for p in PROVIDERS.values() if settings.HUB_SANDBOX or "demo" not in p.categories]
        context = {
            **self.admin_site.each_context(request),
            "title": "Where is the hub registered?",
            "opts": self.opts,
            "providers": sorted(providers, key=lambda provider: provider.name.lower()),
        }
        return TemplateResponse(request, CHOOSE_TEMPLATE, context)

    def get_form(
        self,
        request: HttpRequest,
        obj: ClientRegistration | None = None,
        change: bool = False,
        **kwargs: object,
    ) -> type[RegistrationForm]:
        return form_for(self._provider(request, obj), actor=request.user.get_username(), clock=timezone.now)

    def get_fieldsets(self, request: HttpRequest, obj: ClientRegistration | None = None) -> Fieldsets:
        provider = self._provider(request, obj)
        instance = {"fields": ("slug", "shown_redirect_uri"), "description": _where(provider)}
        at_provider = (f"At {provider.name}", instance)
        if obj is not None and not self.has_change_permission(request, obj):
            seen = ("client_id", "secret_stored", "token_endpoint_auth_method", "shown_variables", "extra_scope")
            return [at_provider, ("Settings", {"fields": (*seen, *OPTIONS)}), _state()]
        credentials = ("client_id", "client_secret", "token_endpoint_auth_method")
        fieldsets: Fieldsets = [at_provider, ("Credentials", {"fields": credentials})]
        if provider.variables:
            fieldsets.append((f"About this {provider.name}", {"fields": variable_names(provider)}))
        # Switching it on and off is an action of its own, which asks first.
        fieldsets.append(("Options", {"fields": ("extra_scope", *OPTIONS)}))
        return fieldsets if obj is None else [*fieldsets, _state()]

    def save_form(self, request: HttpRequest, form: RegistrationForm, change: bool) -> ClientRegistration:
        """The form has registered already."""
        saved: ClientRegistration = form.instance
        return saved

    def save_model(self, request: HttpRequest, obj: ClientRegistration, form: RegistrationForm, change: bool) -> None:
        """Nothing is left to save."""

    def save_related(self, request: HttpRequest, form: RegistrationForm, formsets: object, change: bool) -> None:
        """There is nothing related."""

    def _provider(self, request: HttpRequest, obj: ClientRegistration | None) -> Provider:
        try:
            return get(obj.provider if obj else request.GET.get("provider", ""))
        except UnknownProvider:
            raise PermissionDenied("The catalogue does not have this registration's provider.") from None

    @admin.display(description="provider", ordering="provider")
    def provider_name(self, registration: ClientRegistration) -> str:
        provider = PROVIDERS.get(registration.provider)
        return provider.name if provider else registration.provider or "-"

    @admin.display(description="connections")
    def connection_count(self, registration: ClientRegistration) -> int:
        """As the overview counted them, a minute ago at most: counting anew reads every connection."""
        return connection_counts(clock=timezone.now).of_registration(registration.pk)

    @admin.display(description="redirect URI")
    def shown_redirect_uri(self, registration: ClientRegistration) -> SafeString:
        """To be copied to the provider's own registration page, byte for byte."""
        if not registration.slug:
            example = redirect_uri(ClientRegistration(slug="SLUG"))
            return format_html("<code>{}</code> with the slug you choose", example)
        return format_html('<code class="redirect-uri">{}</code>', redirect_uri(registration))

    @admin.display(description="variables")
    def shown_variables(self, registration: ClientRegistration) -> SafeString | str:
        return pretty(registration.variables)

    @admin.display(description="discovered metadata")
    def shown_metadata(self, registration: ClientRegistration) -> SafeString | str:
        return pretty(registration.metadata)

    @admin.display(description="client secret", boolean=True)
    def secret_stored(self, registration: ClientRegistration) -> bool:
        return registration.has_client_secret


def _state() -> Fieldset:
    return ("State", {"fields": STATE})


def _where(provider: Provider) -> SafeString:
    """Where an operator makes the OAuth client at this provider."""
    url = provider.registration_url or provider.documentation_url
    return format_html(
        'Register the hub at <a href="{}" target="_blank" rel="noopener noreferrer">{}</a> '
        "with the redirect URI below. {}",
        url,
        provider.name,
        provider.registration_help,
    )
