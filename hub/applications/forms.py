"""What people send about their applications. What has no field here cannot be set."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from hub.applications import redirect_uris
from hub.applications.kinds import KINDS, PUBLIC, Kind
from integrations.oauth.errors import printable

NAME_LIMIT = 80
ADDRESSES_LIMIT = redirect_uris.LIMIT * (redirect_uris.LENGTH_LIMIT + 2)


class ApplicationForm(forms.Form):
    """Name and addresses of an application of a kind; a kind without addresses takes none.

    `kept` are the addresses that it has already, by whichever rule it got them: they may stay.
    """

    name = forms.CharField(
        label=_("Name"),
        help_text=_("People read it when they are asked whether to allow the application."),
        max_length=NAME_LIMIT,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    redirect_uris = forms.CharField(
        label=_("Redirect URIs"),
        help_text=_("Where people are sent back to, one a line, exactly as the application says it."),
        required=False,
        max_length=ADDRESSES_LIMIT,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocapitalize": "none"}),
    )

    def __init__(self, *args: Any, kind: Kind | None = None, kept: Collection[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        self._kind, self._kept = kind, kept
        if kind is not None and not kind.has_redirect_uris:
            del self.fields["redirect_uris"]

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if not (harmless := printable(name, limit=NAME_LIMIT)):
            raise forms.ValidationError(_("Write a name that can be read."))
        return harmless

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        kind = self.kind()
        cleaned["redirect_uris"] = self._addresses(kind) if kind is not None and kind.has_redirect_uris else []
        return cleaned

    def kind(self) -> Kind | None:
        """The kind whose rules hold."""
        return self._kind

    def _addresses(self, kind: Kind) -> list[str]:
        """Each address that was given, once."""
        given = list(dict.fromkeys(str(self.cleaned_data.get("redirect_uris", "")).split()))
        if not given and "redirect_uris" not in self.errors:
            self.add_error("redirect_uris", gettext("This kind of application needs at least one address."))
        if len(given) > redirect_uris.LIMIT:
            text = gettext("At most %(limit)d addresses.") % {"limit": redirect_uris.LIMIT}
            self.add_error("redirect_uris", text)
            return []
        for fault in redirect_uris.faults(given, kept=self._kept, loopback=kind is PUBLIC):
            self.add_error("redirect_uris", fault)
        return given


class RegisterForm(ApplicationForm):
    """As above, where the kind is still to be chosen; it cannot be changed later."""

    kind_slug = forms.ChoiceField(
        label=_("What is it?"),
        choices=lambda: [(kind.slug, kind.title) for kind in KINDS.values()],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what it is.")},
    )

    def kind(self) -> Kind | None:
        return KINDS.get(self.cleaned_data.get("kind_slug", ""))
