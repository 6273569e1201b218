"""What people may send us."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.utils.html import escape
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from integrations.oauth.errors import printable
from integrations.providers import VariableRefused
from integrations.providers.provider import Provider
from integrations.providers.variable import Variable
from integrations.web.wording import said

NAME_LIMIT = 100
ANSWER_LIMIT = 300
VARIABLE_PREFIX = "variable_"
AS_TYPED = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class AnswerField(forms.CharField):
    """What a person is asked to tell one instance of a provider from another; refused with the variable's own help."""

    def __init__(self, variable: Variable, *, provider: Provider) -> None:
        self._variable, self._provider = variable, provider
        self.ending = provider.ending(variable)
        help_text = said(variable.help)
        super().__init__(
            label=said(variable.title),
            help_text=escape(help_text),
            initial=variable.default,
            required=variable.required and not variable.default,
            max_length=ANSWER_LIMIT,
            error_messages={"required": help_text, "max_length": help_text},
            widget=_select(variable) if variable.choices else forms.TextInput(attrs=AS_TYPED),
        )

    def clean(self, value: Any) -> str:
        typed = super().clean(value)
        try:
            return self._variable.validate(self._provider.tidied(self._variable, typed))
        except VariableRefused as refusal:
            raise forms.ValidationError(said(refusal.help), code="refused") from None


class FeaturesForm(forms.Form):
    """Which features to ask for and, of a new connection, what the provider asks of each person.

    The fields of `questions` are named `variable_<name>`; what has no field is not looked at.
    """

    features = forms.MultipleChoiceField(required=False)

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, provider: Provider, questions: Sequence[Variable] = ()
    ) -> None:
        super().__init__(data, label_suffix="")
        choices = [(feature.slug, feature.title) for feature in provider.features]
        self.fields["features"] = forms.MultipleChoiceField(required=False, choices=choices)
        self._names = {VARIABLE_PREFIX + variable.name: variable.name for variable in questions}
        for variable in questions:
            self.fields[VARIABLE_PREFIX + variable.name] = AnswerField(variable, provider=provider)

    @property
    def questions(self) -> list[forms.BoundField]:
        """Their fields; of one that was refused the error is the help."""
        found = [self[name] for name in self._names]
        for field in found:
            field.help_text = "" if field.errors else field.help_text
        return found

    @property
    def variables(self) -> dict[str, str]:
        """The answers of a valid form."""
        return {variable: self.cleaned_data[name] for name, variable in self._names.items()}

    @property
    def answers(self) -> tuple[tuple[str, str], ...]:
        """The answers of a valid form, to be posted once more."""
        return tuple((name, self.cleaned_data[name]) for name in self._names)


def _select(variable: Variable) -> forms.Select:
    empty = [] if variable.default else [("", gettext("Choose one"))]
    return forms.Select(choices=[*empty, *((choice, choice) for choice in variable.choices)])


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


class DeleteAccountForm(forms.Form):
    """A person's username, typed by hand: what cannot be undone is not done by a slip."""

    username = forms.CharField(
        label=_("Your username"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )

    def __init__(self, data: Mapping[str, Any] | None, *, username: str) -> None:
        super().__init__(data)
        self._username = username

    def clean_username(self) -> str:
        typed: str = self.cleaned_data["username"]
        if typed != self._username:
            raise forms.ValidationError(_("This is not your username. Nothing was deleted."))
        return typed
