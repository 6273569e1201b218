"""What the components on the style page are shown with: nobody's data, in every state that a component has.

Plain mappings, not the classes that pages use: a component is shown as soon as its template is there.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django import forms

from integrations.models import Connection
from integrations.web.standing import Standing

MOMENT = datetime(2031, 3, 4, 9, 30, tzinfo=UTC)
LONG = "a-very-long-account-name-without-any-spaces-that-goes-on-and-on@example.test"
SCOPE = (
    {"token": "notes:read", "title": "Read your notes"},
    {"token": "https://api.example.test/auth/notes.readonly", "title": "See every note, and who shares it with you"},
)


class SampleForm(forms.Form):
    """A field of each kind, sent with mistakes."""

    use_required_attribute = False
    label_suffix = ""

    name = forms.CharField(label="Name", help_text="Only you see it.", initial="Work")
    subdomain = forms.SlugField(label="Subdomain", help_text="The part before “.example.test” in the address.")
    region = forms.ChoiceField(label="Region", choices=[("eu", "Europe"), ("us", "United States")])
    account = forms.CharField(label="Account", initial="robin@example.test", disabled=True)
    note = forms.CharField(label="Note", widget=forms.Textarea(attrs={"rows": 3}), required=False)
    remember = forms.BooleanField(label="Stay signed in", help_text="Not on a computer others use.", required=False)

    def clean(self) -> None:
        raise forms.ValidationError("Two things need a change before this can be saved.")


def samples() -> Mapping[str, object]:
    """By the name that the examples in templates/integrations/style/ use."""
    return {
        "moment": MOMENT,
        "form": SampleForm({"name": "Work", "subdomain": "not a slug", "region": "eu"}, auto_id="sample_%s"),
        "whole_form": SampleForm({"region": "us"}, auto_id="whole_%s"),
        "scope": SCOPE,
        "features": _features(),
        "statuses": [(status.value, status.label) for status in Connection.Status],
        "standings": [(standing.value, standing.label) for standing in Standing],
        "rows": [_row(number, standing) for number, standing in enumerate(Standing)],
        "cards": [_card(number, status) for number, status in enumerate(Connection.Status)],
        "offers": _offers(),
        "ways": [
            {"url": "#main", "description": "Use a passkey"},
            {"url": "#main", "description": "Enter a code from your app"},
        ],
        "activity": _activity(),
        "endings": _endings(),
        "outcome": _outcome(),
        "days": _days(),
        "use": _use(),
        "nothing": {},
        "long": LONG,
    }


def _features() -> list[Mapping[str, object]]:
    always = {"slug": "always", "title": "Know who you are", "description": "See your name.", "is_fixed": True}
    wanted = {"slug": "read", "title": "Read your notes", "description": "List and open them.", "is_wanted": True}
    other = {"slug": "write", "title": "Write notes", "description": "Add, change and delete them on your behalf."}
    return [{**feature, "scope": SCOPE} for feature in (always, wanted, other)]


def _row(number: int, standing: Standing) -> Mapping[str, object]:
    action = {Standing.NEEDS_YOU: "reconnect", Standing.EXPIRING: "reconnect", Standing.DISCONNECTED: "connect"}
    return {
        "uuid": UUID(int=number),
        "address": "#main",
        "title": LONG if standing is Standing.TROUBLE else f"Account {number + 1}",
        "account": "robin@example.test",
        "provider": ("Google", "Sandbox", "Slack")[number % 3],
        "provider_key": ("google", "sandbox", "slack")[number % 3],
        "standing": standing.value,
        "words": standing.label,
        "features": "Read your calendar, Read your mail",
        "used": "Used 3 hours ago" if number % 2 else "Not used yet",
        "last_used_at": MOMENT if number % 2 else None,
        "action": action.get(standing, "open"),
        "action_address": "#main",
    }


def _card(number: int, status: Connection.Status) -> Mapping[str, object]:
    return {
        "uuid": UUID(int=100 + number),
        "title": f"Account {number + 1}",
        "account": "robin@example.test",
        "provider": "GitHub",
        "provider_key": "github",
        "features": ["Read your profile", "Read your repositories"],
        "status": status.value,
        "status_label": status.label,
    }


def _offers() -> list[Mapping[str, object]]:
    github = {"provider": "github", "name": "GitHub", "description": "Repositories and issues.", "address": "#main"}
    own = {"provider": "own", "name": "Own service", "description": "One of yours.", "host": "login.example.test"}
    missing = {"provider": "slack", "name": "Slack", "description": "Channels.", "note": "Client ID is missing"}
    return [github, {**github, "connected": 2}, {**own, "address": "#main"}, {**missing, "address": "#main"}]


def _activity() -> list[Mapping[str, object]]:
    by_you = {"kind": "connected", "sentence": "Google was connected.", "who": "you", "ip": "192.0.2.1"}
    by_hub = {"kind": "refresh_failed", "sentence": "Renewing the access to Google failed.", "who": "the hub"}
    place = {"created_at": MOMENT, "connection": "robin@example.test", "connection_address": "#main"}
    return [{**by_hub, **place}, {**by_you, **place}]


def _endings() -> list[Mapping[str, object]]:
    google = {"name": "Google", "provider": "google", "count": 2, "can_revoke": True}
    notion = {"name": "Notion", "provider": "notion", "count": 1, "page": "https://www.example.test/connections"}
    return [google, notion, {"name": "Own service", "provider": "own", "count": 1}]


def _outcome() -> Mapping[str, object]:
    read, write = {"title": "Read your notes", "slug": "read"}, {"title": "Write notes", "slug": "write"}
    return {
        "title": "Sandbox is connected",
        "provider": "Sandbox",
        "on": [read],
        "missing": [write],
        "lost": [{"title": "Share notes", "slug": "share"}],
        "unexpected": [SCOPE[1]],
        "off": [write],
    }


def _days() -> list[Mapping[str, object]]:
    good = {"sentence": "Access was renewed", "notes": ("by the hub",), "at": MOMENT, "tone": "good"}
    bad = {
        "sentence": "Renewing the access failed",
        "notes": ("timeout",),
        "at": MOMENT,
        "tone": "trouble",
        "mended_at": MOMENT,
    }
    return [{"label": "Today", "entries": [bad, good]}, {"label": "Yesterday", "entries": [good]}]


def _use() -> Mapping[str, object]:
    counts = [(number * 7) % 11 * 4 for number in range(30)]
    return {
        "summary": f"Used {sum(counts)} times in 30 days",
        "bars": [
            {
                "at": MOMENT + timedelta(days=number - 29),
                "count": count,
                "times": str(count),
                "x": number * 10,
                "y": 44 - count,
                "height": count,
            }
            for number, count in enumerate(counts)
        ],
        "width": 300,
        "height": 44,
        "bar_width": 8,
        "actors": [
            {"is_you": True, "times": "12 times", "last_used_at": MOMENT},
            {"name": "agenda page", "times": f"{sum(counts) - 12} times", "last_used_at": MOMENT},
        ],
        "has_more_actors": True,
    }
