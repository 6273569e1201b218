"""The form of a client registration: typed variables of its provider, a secret that goes in and never comes out."""

from collections.abc import Callable
from datetime import datetime

from django import forms
from django.contrib.admin.widgets import AdminTextInputWidget

from integrations.flows.register import Registration, register, set_rate
from integrations.models import ClientRegistration
from integrations.oauth.errors import OAuthError
from integrations.providers import CatalogueError, FieldRefused, Provider, Variable, VariableRefused

VARIABLE_PREFIX = "variable_"
LEFT_TO_PEOPLE = "Leave it empty, and each person who connects enters their own."
KEEP = "A secret is stored and never shown. Leave empty to keep it."
NEW = "Stored sealed and never shown again. Leave empty only for a public client."


class RegistrationForm(forms.ModelForm):  # type: ignore[type-arg]
    """Base of `form_for`, which adds the provider's variables. Validating it registers: the provider has a say."""

    provider: Provider
    actor: str
    clock: Callable[[], datetime]

    client_secret = forms.CharField(
        label="Client secret",
        required=False,
        max_length=4096,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off", "class": "vTextField"}),
    )

    class Meta:
        model = ClientRegistration
        fields = (
            *("slug", "client_id", "token_endpoint_auth_method", "extra_scope", "enabled", "without_pkce"),
            "token_requests_per_minute",
        )
        labels = {
            "client_id": "Client ID",
            "without_pkce": "Without PKCE",
            "token_requests_per_minute": "Refreshes a minute",
        }
        widgets = {"client_id": AdminTextInputWidget, "extra_scope": AdminTextInputWidget}

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        if self.instance.pk is not None:
            # Neither is changed by saving: the one never, the other by an action that asks first.
            del self.fields["slug"], self.fields["enabled"]
        self.fields["client_secret"].help_text = KEEP if self.instance.has_client_secret else NEW
        for variable in self.provider.variables:
            value = self.instance.variables.get(variable.name, "" if variable.is_personal else variable.default)
            self.initial.setdefault(VARIABLE_PREFIX + variable.name, value)

    def clean(self) -> dict[str, object]:
        cleaned: dict[str, object] = super().clean() or self.cleaned_data
        for variable in self.provider.variables:
            name = VARIABLE_PREFIX + variable.name
            typed = str(cleaned.get(name, "")).strip()
            if variable.is_personal and not typed:
                continue
            try:
                cleaned[name] = variable.validate(typed)
            except VariableRefused as refusal:
                self.add_error(name, refusal.help)
        if self._lacks_secret():
            self.add_error("client_secret", "The provider expects a secret from this kind of client.")
        return cleaned

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        try:
            self._register()
        except FieldRefused as refusal:
            self.add_error(refusal.field if refusal.field in self.fields else None, refusal.help)
        except VariableRefused as refusal:
            self.add_error(VARIABLE_PREFIX + refusal.field, refusal.help)
        except (OAuthError, CatalogueError) as error:
            self.add_error(None, f"Not saved. {error}")

    def _register(self) -> None:
        """What is the hub's own affair needs nobody's answer; everything else is registered, and so checked, anew."""
        if self.instance.pk is not None and self.changed_data == ["token_requests_per_minute"]:
            set_rate(self.instance, self.cleaned_data["token_requests_per_minute"], actor=self.actor)
            return
        self.instance = register(self._given(), now=type(self).clock(), actor=self.actor)

    def _given(self) -> Registration:
        cleaned = self.cleaned_data
        return Registration(
            slug=cleaned.get("slug", self.instance.slug),
            provider=self.provider.slug,
            client_id=cleaned["client_id"],
            client_secret="" if self._is_public() else cleaned["client_secret"] or None,
            variables={v.name: cleaned[VARIABLE_PREFIX + v.name] for v in self.provider.variables},
            token_endpoint_auth_method=cleaned["token_endpoint_auth_method"],
            extra_scope=cleaned["extra_scope"],
            enabled=cleaned.get("enabled", self.instance.enabled),
            without_pkce=cleaned["without_pkce"],
            token_requests_per_minute=cleaned["token_requests_per_minute"],
        )

    def _is_public(self) -> bool:
        chosen = self.cleaned_data.get("token_endpoint_auth_method")
        return (chosen or self.provider.server.dialect.token_endpoint_auth_method) == "none"

    def _lacks_secret(self) -> bool:
        given = self.cleaned_data.get("client_secret") or self.instance.has_client_secret
        return not given and not self._is_public() and "client_secret" not in self.errors


def form_for(provider: Provider, *, actor: str, clock: Callable[[], datetime]) -> type[RegistrationForm]:
    """The form for one provider."""
    attributes: dict[str, object] = {VARIABLE_PREFIX + v.name: _field(v) for v in provider.variables}
    attributes |= {"provider": provider, "actor": actor, "clock": staticmethod(clock)}
    return type("RegistrationForm", (RegistrationForm,), attributes)


def variable_names(provider: Provider) -> tuple[str, ...]:
    """The names of the fields that `form_for` adds."""
    return tuple(VARIABLE_PREFIX + variable.name for variable in provider.variables)


def _field(variable: Variable) -> forms.Field:
    required = variable.required and not variable.default and not variable.is_personal
    help_text = f"{variable.help} {LEFT_TO_PEOPLE}" if variable.is_personal else variable.help
    if variable.choices:
        choices = [] if required else [("", "-")]
        choices += [(choice, choice) for choice in variable.choices]
        return forms.ChoiceField(label=variable.title, help_text=help_text, choices=choices, required=required)
    widget = AdminTextInputWidget(attrs={"placeholder": variable.example, "autocomplete": "off"})
    return forms.CharField(label=variable.title, help_text=help_text, required=required, max_length=2000, widget=widget)
