"""The form with which an operator opens connections to an application."""

import re
from typing import Any, ClassVar

from django import forms

from hub.applications.recipient import Recipient
from integrations.flows.open_registration import open_registration
from integrations.models import Allowance, ClientRegistration, Connection
from integrations.providers import PROVIDERS

SCOPE_LIMIT = 2000
#: RFC 6749 §3.3
SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """What of a registration is opened to an application; both are fixed by the page."""

    recipient: ClassVar[Recipient]
    registration: ClassVar[ClientRegistration]

    features = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="A token is lent only while all that a connection was granted is opened. With less, calls go "
        "through the hub.",
    )
    scope = forms.CharField(
        required=False, max_length=SCOPE_LIMIT, help_text="Further scope at the provider, space-separated."
    )

    class Meta:
        model = Allowance
        fields: ClassVar = ["connection"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        provider = PROVIDERS[self.registration.provider]
        choices = [(feature.slug, f"{feature.title}: {feature.description}") for feature in provider.features]
        self.fields["features"].choices = choices  # type: ignore[attr-defined]
        own = Connection.objects.visible().filter(owner__isnull=True, registration=self.registration)
        connection = forms.ModelChoiceField(
            own, required=False, empty_label="All of the hub's own there, also later ones", label="Connection"
        )
        self.fields["connection"] = connection

    def clean_scope(self) -> list[str]:
        tokens = str(self.cleaned_data["scope"]).split()
        if not all(map(SCOPE_TOKEN.fullmatch, tokens)):
            raise forms.ValidationError("Scope is written as the provider spells it, in printable ASCII.")
        return tokens

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors and not cleaned.get("features") and not cleaned.get("scope"):
            raise forms.ValidationError("Choose a feature, or write some scope.")
        known = Allowance.objects.filter(
            issuer=self.recipient.issuer,
            client_id=self.recipient.client_id,
            subject=self.recipient.subject,
            registration=self.registration,
            connection=cleaned.get("connection"),
        )
        if known.exists():
            raise forms.ValidationError("This is opened to the application already. Delete that first.")
        return cleaned

    def opened(self, *, actor: str) -> Allowance:
        """Open it."""
        return open_registration(
            self.registration,
            self.recipient.client_id,
            issuer=self.recipient.issuer,
            subject=self.recipient.subject,
            features=self.cleaned_data["features"],
            scope=self.cleaned_data["scope"],
            connection=self.cleaned_data["connection"],
            client_name=self.recipient.name,
            actor=actor,
        )


def rule_form(recipient: Recipient, registration: ClientRegistration) -> type[RuleForm]:
    """The form for these two."""
    return type("BoundRuleForm", (RuleForm,), {"recipient": recipient, "registration": registration})
