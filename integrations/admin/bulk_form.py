"""Which connections a bulk revocation means: asked in a form, or taken along from the filters of the list."""

from collections.abc import Mapping
from urllib.parse import urlencode

from django import forms
from django.contrib.admin.widgets import AdminTextInputWidget
from django.contrib.auth.models import User
from django.http import QueryDict

from integrations.flows.selection import Attention, Idle, Selection
from integrations.models import ClientRegistration, Connection
from integrations.providers import PROVIDERS

ANY = [("", "Any")]
STATUSES = [
    (status.value, status.label) for status in (Connection.Status.ACTIVE, Connection.Status.NEEDS_REAUTHORIZATION)
]
DIGITS = 18
#: What the list's address may hold, and what it is called here.
FROM_LIST: Mapping[str, str] = {
    "status__exact": "status",
    "status": "status",
    "registration__provider": "provider",
    "registration__provider__exact": "provider",
    "registration__id__exact": "registration",
    "owner__id__exact": "owner",
    "last_error_code": "error",
    "last_error_code__exact": "error",
    "attention": "attention",
    "unused": "unused",
    "unrenewed": "unrenewed",
    "q": "text",
}
#: What it may hold beside that and that narrows nothing.
MEANINGLESS = frozenset(("o", "p", "e", "all", "_facets"))


class SelectionForm(forms.Form):
    """What to revoke. At least one question is answered: nobody revokes everything by leaving a form empty."""

    provider = forms.ChoiceField(label="Provider", required=False)
    registration = forms.ModelChoiceField(
        label="Registration", required=False, queryset=ClientRegistration.objects.all(), empty_label="Any"
    )
    owner = forms.CharField(
        label="Owner",
        required=False,
        max_length=150,
        widget=AdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text="A username, in full: all that this person has.",
    )
    status = forms.ChoiceField(label="Status", required=False, choices=[*ANY, *STATUSES])
    attention = forms.ChoiceField(label="Needs attention", required=False, choices=[*ANY, *Attention.choices])
    unused = forms.ChoiceField(label="Not used for", required=False, choices=[*ANY, *Idle.choices])
    unrenewed = forms.ChoiceField(label="Not renewed for", required=False, choices=[*ANY, *Idle.choices])
    error = forms.CharField(
        label="Error code", required=False, max_length=64, widget=AdminTextInputWidget(attrs={"autocomplete": "off"})
    )
    text = forms.CharField(
        label="Search",
        required=False,
        max_length=200,
        widget=AdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text="Owner, registration, provider or account; every word must be found.",
    )

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data, label_suffix="")
        held = ClientRegistration.objects.order_by("provider").values_list("provider", flat=True).distinct()
        names = [(key, PROVIDERS[key].name if key in PROVIDERS else key) for key in held]
        self.fields["provider"] = forms.ChoiceField(label="Provider", required=False, choices=[*ANY, *names])

    def clean_owner(self) -> User | None:
        name = self.cleaned_data["owner"]
        if not name:
            return None
        owner = User.objects.filter(username=name).first()
        if owner is None:
            raise forms.ValidationError("There is no account of this name.")
        return owner

    def clean(self) -> dict[str, object]:
        cleaned: dict[str, object] = super().clean() or self.cleaned_data
        if not self.errors and self.selection().is_empty:
            raise forms.ValidationError("Answer at least one of the questions.")
        return cleaned

    def selection(self) -> Selection:
        """What a valid form means."""
        read = dict(self.cleaned_data)
        owner, registration = read.pop("owner"), read.pop("registration")
        return Selection(
            owner_id=owner.pk if owner else None,
            registration_id=registration.pk if registration else None,
            **{name: str(value) for name, value in read.items()},
        )


def query_from_list(query: QueryDict) -> str | None:
    """The form's query string for what a list shows; None where the list is narrowed by what the form does not ask."""
    asked: dict[str, str] = {}
    for name, value in query.items():
        if name in MEANINGLESS or not value:
            continue
        if name not in FROM_LIST:
            return None
        asked[FROM_LIST[name]] = str(value)
    if "owner" in asked:
        asked["owner"] = _username(asked["owner"])
    return urlencode(asked)


def _username(key: str) -> str:
    """The name of the account with that key; what belongs to none is handed on, and refused by the form."""
    known = key.isascii() and key.isdecimal() and len(key) <= DIGITS
    owner = User.objects.filter(pk=int(key)).first() if known else None
    return owner.get_username() if owner else key
