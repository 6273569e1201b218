"""What people may send us."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

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
        label=gettext_lazy("Name"),
        required=False,
        max_length=NAME_LIMIT,
        help_text=gettext_lazy("Only you see it. Leave it empty to use the name of the account."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean_name(self) -> str:
        return printable(self.cleaned_data["name"], limit=NAME_LIMIT)
