"""What people may send us."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from integrations.oauth.errors import printable
from integrations.providers.provider import Provider

NAME_LIMIT = 100


class FeaturesForm(forms.Form):
    """Which features to ask for."""

    features = forms.MultipleChoiceField(required=False)

    def __init__(self, data: Mapping[str, Any], *, provider: Provider) -> None:
        super().__init__(data)
        choices = [(feature.slug, feature.title) for feature in provider.features]
        self.fields["features"] = forms.MultipleChoiceField(required=False, choices=choices)


class RenameForm(forms.Form):
    """A person's own name for a connection; empty: as the provider calls the account."""

    name = forms.CharField(
        label=_("Name"),
        required=False,
        max_length=NAME_LIMIT,
        help_text=_("Only you see it. Leave it empty to use the name of the account."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean_name(self) -> str:
        return printable(self.cleaned_data["name"], limit=NAME_LIMIT)


class NotificationsForm(forms.Form):
    """Which mail a person wants; what is not ticked is not sent."""

    needs_you = forms.BooleanField(
        label=_("A connection needs you"),
        required=False,
        help_text=_("When access has ended and only you can renew it. At most one mail an hour."),
    )
    connected = forms.BooleanField(
        label=_("A connection was added"),
        required=False,
        help_text=_("What was added, when and from where. It shows you when somebody else uses your account."),
    )


class LanguageForm(forms.Form):
    """One of the languages of the hub; empty: as the browser asks."""

    def __init__(self, data: Mapping[str, Any] | None = None, **options: Any) -> None:
        super().__init__(data, **options)
        choices = [("", _("As your browser asks")), *settings.LANGUAGES]
        self.fields["language"] = forms.ChoiceField(
            label=_("Language"), required=False, choices=choices, widget=forms.RadioSelect
        )
