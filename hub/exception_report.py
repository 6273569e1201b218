"""Error pages and error reports that hold no secret, with DEBUG on as with DEBUG off.

Django's own filter works only with DEBUG off, and knows neither our words nor the query string. Frames of code
that handles plaintext show no variables at all: a name says little about what a variable holds.
"""

import re
from collections.abc import ItemsView
from types import FrameType
from typing import Any

from django.http import HttpRequest
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

from hub.redaction import is_secret_name, redact, redact_text

PLAINTEXT_PACKAGES = frozenset(
    (
        "allauth",
        "cryptography",
        "http",
        "integrations",
        "jwcrypto",
        "joserfc",
        "oauth2_provider",
        "oauthlib",
        "requests",
        "requests_oauthlib",
        "urllib",
        "urllib3",
    )
)
ADDRESS_KEYS = frozenset(("QUERY_STRING", "RAW_URI", "REQUEST_URI", "HTTP_REFERER", "PATH_INFO"))


class HubExceptionReporterFilter(SafeExceptionReporterFilter):
    """Hide by our words too, and whatever DEBUG says."""

    hidden_settings = re.compile(
        SafeExceptionReporterFilter.hidden_settings.pattern
        + "|SEALING|DATABASE|CACHE|MAILER|EMAIL|COOKIE|CREDENTIAL|STATE|NONCE|VERIFIER|CODE|SESSION|CSRF",
        re.IGNORECASE,
    )

    def is_active(self, request: HttpRequest | None) -> bool:
        return True

    def cleanse_setting(self, key: str | int, value: object) -> Any:
        if str(key) in ADDRESS_KEYS:
            return redact(str(value).partition("?")[0] if key != "QUERY_STRING" else self.cleansed_substitute)
        cleansed = super().cleanse_setting(key, value)
        return redact_text(cleansed) if isinstance(cleansed, str) else cleansed

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        return {} if request is None else dict.fromkeys(request.POST, self.cleansed_substitute)

    def get_traceback_frame_variables(self, request: HttpRequest, tb_frame: FrameType) -> ItemsView[str, Any]:
        package = str(tb_frame.f_globals.get("__name__", "")).partition(".")[0]
        hide_all = package in PLAINTEXT_PACKAGES
        shown: dict[str, Any] = {}
        for name, value in super().get_traceback_frame_variables(request, tb_frame):
            hidden = hide_all or is_secret_name(name) or isinstance(value, HttpRequest)
            shown[name] = self.cleansed_substitute if hidden else Redacted(value)
        return shown.items()


class Redacted:
    """A frame variable whose repr went through the redactor."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __repr__(self) -> str:
        return redact_text(repr(self._value))


class HubExceptionReporter(ExceptionReporter):
    """Show neither the query string's values nor a secret in the exception's own text."""

    def get_traceback_data(self) -> dict[str, Any]:
        data = super().get_traceback_data()
        if self.request is not None:
            data["request_GET_items"] = [(name, self.filter.cleansed_substitute) for name in self.request.GET]
            data["request_insecure_uri"] = str(data["request_insecure_uri"]).partition("?")[0]
        for frame in data["frames"]:
            if frame.get("exc_cause"):
                frame["exc_cause"] = redact_text(str(frame["exc_cause"]))
        for key in ("exception_value", "exception_notes"):
            if key in data:
                data[key] = redact_text(str(data[key]))
        return data
