"""Where messages go, and which."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hub.webhooks.words import REFUSALS
from integrations.flows.webhooks import WebhookRefused, require_url
from integrations.models import WebhookKind

URL_LIMIT = 2000


class WebhookForm(forms.Form):
    """An address and the kinds that are sent there."""

    url = forms.CharField(
        label=_("Address"),
        help_text=_("Where the hub posts messages: https, public, on port 443."),
        max_length=URL_LIMIT,
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": _("Enter the address."), "max_length": REFUSALS["url_refused"]},
    )
    kinds = forms.MultipleChoiceField(
        choices=WebhookKind, error_messages={"required": REFUSALS["no_kinds"], "invalid_choice": REFUSALS["no_kinds"]}
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, initial: Mapping[str, Any]) -> None:
        super().__init__(data, initial=dict(initial), label_suffix="")

    def clean_url(self) -> str:
        try:
            return require_url(self.cleaned_data["url"])
        except WebhookRefused as error:
            raise forms.ValidationError(REFUSALS[error.code]) from None

    @property
    def choices(self) -> list[dict[str, Any]]:
        """The kinds as ticks."""
        chosen = self["kinds"].value() or []
        return [{"value": kind.value, "title": kind.label, "checked": kind.value in chosen} for kind in WebhookKind]


class NewWebhookForm(WebhookForm):
    """With the application that is to hear."""

    field_order = ("client_id", "url", "kinds")

    client_id = forms.ChoiceField(label=_("Application"), error_messages={"invalid_choice": _("Choose one of yours.")})

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, initial: Mapping[str, Any], applications: Mapping[str, str]
    ) -> None:
        super().__init__(data, initial=initial)
        field = self.fields["client_id"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
        field.choices = list(applications.items())
