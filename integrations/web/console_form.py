"""What a person may ask a provider's API: a method, a path, a feature it is for, and JSON. No headers."""

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from integrations.flows.access import Call
from integrations.providers.provider import Feature, Provider
from integrations.web.wording import said

SAFE = ("GET", "HEAD")
CHANGING = ("POST", "PUT", "PATCH", "DELETE")
PATH_LIMIT = 2000
BODY_LIMIT = 64 * 1024
DEEPEST = 50
_PATH = re.compile(r"/[\x21-\x7e]*")


class ConsoleForm(forms.Form):
    """One call. `base` is the API's address that stands before the path."""

    method = forms.ChoiceField(label=_("Method"), choices=[(name, name) for name in (*SAFE, *CHANGING)])
    path = forms.CharField(
        label=_("Path"),
        max_length=PATH_LIMIT,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
        error_messages={"required": _("Enter a path, such as / or one of the examples.")},
    )
    feature = forms.ChoiceField(
        label=_("Feature"), help_text=_("The one the call is for. The hub makes the call only if this feature is on.")
    )
    body = forms.CharField(
        label=_("Body"),
        required=False,
        max_length=BODY_LIMIT,
        help_text=_("JSON, or nothing. It goes with POST, PUT, PATCH and DELETE."),
        widget=forms.Textarea(
            attrs={"rows": 6, "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        provider: Provider,
        base: str,
        initial: Mapping[str, str] | None = None,
    ) -> None:
        first = {"method": "GET", "feature": provider.minimum.slug, **(initial or {})}
        super().__init__(data, initial=first, label_suffix="")
        self._provider = provider
        self._base = base
        self.fields["feature"] = forms.ChoiceField(
            label=self.fields["feature"].label,
            help_text=self.fields["feature"].help_text,
            choices=[(feature.slug, said(feature.title)) for feature in provider.features],
        )

    def clean_path(self) -> str:
        path: str = self.cleaned_data["path"]
        if path.startswith(f"{self._base}/"):
            path = path.removeprefix(self._base)
        if not self._base or "://" in path.partition("?")[0]:
            raise ValidationError(self.elsewhere)
        if not path.startswith("/"):
            raise ValidationError(_("A path begins with a slash."))
        if not _PATH.fullmatch(path):
            raise ValidationError(_("Write spaces and special letters as in an address: %20 for a space."))
        return path

    def clean_body(self) -> str:
        text: str = self.cleaned_data["body"]
        if self.cleaned_data.get("method") in CHANGING and text:
            _parsed(text)
        return text

    @property
    def elsewhere(self) -> str:
        """What is said of an address that is not the API's."""
        words = _("This is not an address of %(provider)s’s API. The access goes nowhere else.")
        return str(words) % {"provider": self._provider.name}

    @property
    def call(self) -> Call:
        """What a valid form asks."""
        method, text = self.cleaned_data["method"], self.cleaned_data["body"]
        has_body = method in CHANGING and text
        return Call(method=method, path=self.cleaned_data["path"], body=_parsed(text) if has_body else None)

    @property
    def chosen(self) -> Feature:
        """The feature the call is for; the smallest while none is chosen."""
        slug = self["feature"].value()
        return next((feature for feature in self._provider.features if feature.slug == slug), self._provider.minimum)


def _parsed(text: str) -> object:
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        raise ValidationError(_("This is not JSON. Text stands in double quotes, and no comma at the end.")) from None
    if value is None:
        raise ValidationError(_("Leave the field empty to send no body."))
    if _is_deeper(value, DEEPEST):
        raise ValidationError(_("This JSON is nested too deeply."))
    return value


def _is_deeper(value: object, limit: int) -> bool:
    level = [value]
    for _depth in range(limit):
        level = [
            member
            for holder in level
            if isinstance(holder, dict | list)
            for member in (holder.values() if isinstance(holder, dict) else holder)
        ]
        if not level:
            return False
    return True


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(text)
    return number
