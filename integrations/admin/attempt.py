"""The handshake inspector: how attempts to connect went, step by step, and why they most likely failed."""

import json
from typing import Any, ClassVar

from django.contrib import admin
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from integrations.admin.read_only import ReadOnlyAdmin
from integrations.flows.attempt_cause import Cause, Story, cause
from integrations.flows.clients import redirect_uri
from integrations.models import Attempt, StrayResponse
from integrations.oauth.errors import redacted

RECENT_TEMPLATE = "admin/integrations/strayresponse/recent.html"
STEPS_TEMPLATE = "admin/integrations/attempt/steps.html"
TITLES = {
    "begin": "Sent to the provider",
    "prepare": "Prepared",
    "came_back": "Came back",
    "state": "Compared with what was begun here",
    "response": "Read what the provider answered",
    "token": "Asked the token endpoint",
    "identity": "Asked whose account it is",
    "store": "Stored",
    "connected": "Connected",
}


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    list_display = ("started_at", "registration", "person", "outcome", "likely_cause", "request_id")
    list_filter = ("outcome", "registration", "error_code")
    list_select_related = ("registration", "user")
    search_fields = ("=request_id", "=begun_request_id", "registration__slug", "user__username")
    search_help_text = "Support code, registration or user name"
    fields = (
        "registration",
        "person",
        "outcome",
        "explained",
        "shown_steps",
        "started_at",
        "ended_at",
        "request_id",
        "begun_request_id",
        "shown_connection",
    )

    @admin.display(description="person", ordering="user__username")
    def person(self, attempt: Attempt) -> str:
        return attempt.user.get_username()

    @admin.display(description="likely cause")
    def likely_cause(self, attempt: Attempt) -> str:
        return cause_of(attempt).code.replace("_", " ")

    @admin.display(description="likely cause")
    def explained(self, attempt: Attempt) -> SafeString:
        found = cause_of(attempt)
        return format_html(
            '<p><strong>{}</strong> <code class="cause">{}</code></p><p>{}</p>',
            found.sentence,
            found.code,
            found.remedy,
        )

    @admin.display(description="steps")
    def shown_steps(self, attempt: Attempt) -> SafeString:
        steps = [shown(step) for step in attempt.steps]
        return render_to_string(STEPS_TEMPLATE, {"steps": steps})

    @admin.display(description="connection")
    def shown_connection(self, attempt: Attempt) -> SafeString | str:
        if attempt.connection_id is None:
            return "-"
        url = reverse("admin:integrations_connection_change", args=(attempt.connection_id,))
        return format_html('<a href="{}">The connection it changed or made</a>', url)


@admin.register(StrayResponse)
class StrayResponseAdmin(ReadOnlyAdmin):
    """Answers that no attempt waits for, such as those to a page that was loaded again, or made up."""

    list_display = ("registration", "count", "last_at")
    list_select_related = ("registration",)
    search_fields = ("registration__slug", "recent")
    search_help_text = "Registration or support code"
    fields: ClassVar = ("registration", "count", "last_at", "shown_recent")

    @admin.display(description="the last ones")
    def shown_recent(self, row: StrayResponse) -> SafeString | str:
        answers = [_readable(answer) for answer in row.recent]
        return render_to_string(RECENT_TEMPLATE, {"answers": answers}) if answers else "-"


def _readable(answer: dict[str, Any]) -> dict[str, str]:
    """One stray answer in words, without anything that may be a token or a code."""
    at = parse_datetime(str(answer.get("at", "")))
    return {
        "at": date_format(localtime(at), "DATETIME_FORMAT") if at else "-",
        "error": redacted(str(answer.get("error", ""))).replace("_", " ") or "-",
        "support_code": redacted(str(answer.get("request_id", ""))) or "-",
    }


def cause_of(attempt: Attempt) -> Cause:
    """Why it most likely ended as it did."""
    story = Story(
        outcome=attempt.outcome,
        steps=attempt.steps,
        expires_at=attempt.expires_at,
        redirect_uri=redirect_uri(attempt.registration),
    )
    return cause(story, now=timezone.now())


def shown(step: dict[str, Any]) -> dict[str, object]:
    """A step as the template takes it: its facts as names and texts."""
    facts = [(name.replace("_", " "), _text(value)) for name, value in step["facts"].items() if name != "parameters"]
    parameters = step["facts"].get("parameters", {})
    if isinstance(parameters, dict):
        facts += [(name, _text(value)) for name, value in parameters.items()]
    else:
        facts.append(("parameters", " ".join(parameters)))
    return {
        "title": TITLES.get(step["step"], step["step"]),
        "at": step["at"][11:23],
        "error": step["error"],
        "facts": facts,
    }


def _text(value: object) -> str:
    match value:
        case str():
            return value if value.strip() or not value else "a blank"
        case list():
            return " ".join(map(str, value)) or "none"
        case bool():
            return "yes" if value else "no"
    return json.dumps(value)
