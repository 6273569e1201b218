"""To whom an operator opens something, and of which registration: as the address of the page names both."""

from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.conf import settings
from django.db.models import QuerySet
from django.http import QueryDict
from oauth2_provider.models import Application

from hub.applications.authorizations import NAME_LIMIT, shown_name
from hub.applications.kinds import SERVICE
from integrations.models import Allowance, ClientRegistration
from integrations.oauth.errors import printable
from integrations.providers import PROVIDERS


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipient:
    """An application that acts for itself; at another issuer also one that acts for a subject there."""

    client_id: str
    name: str
    issuer: str = ""
    subject: str = ""


class ForeignClientForm(forms.Form):
    """A client of an issuer whose tokens the API takes; every value is compared as it is, character by character."""

    issuer = forms.ChoiceField(label="Issuer", help_text="Those of HUB_TRUSTED_ISSUERS.")
    client_id = forms.CharField(
        label="Client ID",
        max_length=255,
        strip=False,
        help_text="The client_id that its tokens name, exactly. A client of the same name at another issuer, or here, "
        "gets nothing by it.",
    )
    subject = forms.CharField(
        label="Subject",
        required=False,
        max_length=255,
        strip=False,
        help_text="Empty: tokens in which the client acts for itself, their sub is the client_id. Otherwise the sub "
        "that its tokens must name: a person or service there, or the client where the issuer spells that otherwise.",
    )
    registration = forms.ModelChoiceField(
        ClientRegistration.objects.none(),
        empty_label=None,
        label="Registration",
        help_text="Whose connections of the hub itself it may use.",
    )

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data, auto_id="foreign_%s")
        fields: dict[str, Any] = self.fields
        fields["issuer"].choices = [(issuer, issuer) for issuer in settings.HUB_TRUSTED_ISSUERS]
        fields["registration"].queryset = registrations().order_by("slug")
        for name in ("client_id", "subject"):
            fields[name].widget.attrs["autocomplete"] = "off"

    def clean_client_id(self) -> str:
        return _written(self.cleaned_data["client_id"])

    def clean_subject(self) -> str:
        return _written(self.cleaned_data["subject"])

    @property
    def recipient(self) -> Recipient:
        """Whom a valid form names."""
        client_id, subject = self.cleaned_data["client_id"], self.cleaned_data["subject"]
        return Recipient(
            client_id=client_id,
            name=printable(client_id, limit=NAME_LIMIT),
            issuer=self.cleaned_data["issuer"],
            subject="" if subject == client_id else subject,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What an address names, as far as it can be; `form` is None where it names no client of another issuer."""

    recipient: Recipient | None = None
    registration: ClientRegistration | None = None
    application: Application | None = None
    form: ForeignClientForm | None = field(default=None, repr=False)


def asked(query: QueryDict) -> Asked:
    """What an address names, as far as something can be opened to it, and of it."""
    if "issuer" in query:
        form = ForeignClientForm(query)
        if not form.is_valid():
            return Asked(form=form)
        return Asked(recipient=form.recipient, registration=form.cleaned_data["registration"], form=form)
    application = _one(services(), query.get("application", ""))
    recipient = application and Recipient(client_id=application.client_id, name=shown_name(application))
    registration = _one(registrations(), query.get("registration", ""))
    return Asked(recipient=recipient, registration=registration, application=application)


def name_of(rule: Allowance, application_name: str | None) -> str:
    """How a rule's application is called; `application_name` is that of the hub's own with its `client_id`, if any."""
    return printable(("" if rule.issuer else application_name) or rule.client_id, limit=NAME_LIMIT)


def described(recipient: Recipient) -> str:
    """A recipient in words, so that nobody takes it for another."""
    if not recipient.issuer:
        return recipient.name
    whose = f" for {printable(recipient.subject, limit=NAME_LIMIT)}" if recipient.subject else ""
    return f"{recipient.name} of {recipient.issuer}{whose}"


def services() -> QuerySet[Application]:
    """The hub's own applications that act for themselves."""
    rows: QuerySet[Application] = Application.objects.filter(
        client_type=SERVICE.client_type, authorization_grant_type=SERVICE.grant
    )
    return rows


def registrations() -> QuerySet[ClientRegistration]:
    """Those at providers that the hub knows."""
    return ClientRegistration.objects.filter(provider__in=PROVIDERS)


def _one(rows: QuerySet[Any], key: str) -> Any:
    is_key = key.isascii() and key.isdecimal() and len(key) <= 18
    return rows.filter(pk=key).first() if is_key else None


def _written(value: str) -> str:
    if value != value.strip() or not value.isprintable():
        raise forms.ValidationError("Write it as the token does, without spaces around it and on one line.")
    return value
