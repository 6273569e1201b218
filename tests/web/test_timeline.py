"""Events as sentences: one pure function, one table."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from integrations.models import Event
from integrations.providers import get
from integrations.web.timeline import ENTRIES_SHOWN, Day, Teller

Kind = Event.Kind
NOON = datetime(2031, 3, 5, 12, tzinfo=UTC)
ROBIN = Teller(provider=get("sandbox"), name="Sandbox", owner="robin")


def event(kind: Kind, actor: str = "", *, days: float = 0, minutes: float = 0, **details: object) -> Event:
    return Event(kind=kind, actor=actor, details=details, created_at=NOON - timedelta(days=days, minutes=minutes))


def told(*events: Event) -> list[str]:
    """Each entry as a line of text: sentence, then notes."""
    days = ROBIN.timeline(events, today=NOON.date())
    return [" | ".join([plain(entry.sentence), *entry.notes]) for day in days for entry in day.entries]


def plain(html: str) -> str:
    return re.sub(r"</?bdi>", "", html)


def labels(days: tuple[Day, ...]) -> list[str]:
    return [day.label for day in days]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (event(Kind.CONNECTED, "robin"), "Connected by you"),
        (event(Kind.CONNECTED, "operator"), "Connected by operator"),
        (event(Kind.RECONNECTED, "robin"), "Reconnected by you"),
        (event(Kind.RENAMED, "robin"), "Renamed by you"),
        (event(Kind.REFRESHED), "Access renewed"),
        (event(Kind.REFRESHED, "robin"), "Access renewed by you"),
        (event(Kind.USED, "nightly import"), "Used by nightly import"),
        (event(Kind.USED, "robin"), "Used by you"),
        (event(Kind.USED), "Used by a program that gave no name"),
        (event(Kind.USED, "robin", method="GET", path="/notes"), "Used by you | GET /notes"),
        (event(Kind.RECOVERED), "Works again"),
        (event(Kind.DISCONNECTED, "robin"), "Disconnected by you"),
        (event(Kind.DISCONNECTED, "operator", reason="left us"), "Disconnected by operator | left us"),
        (event(Kind.DISCONNECTED), "Disconnected by the hub"),
        (event(Kind.REVOKED_AT_PROVIDER), "Sandbox confirmed that the access has ended"),
        (
            event(Kind.REVOCATION_FAILED, code="timeout"),
            "Sandbox did not end the access: remove the hub there yourself",
        ),
        (
            event(Kind.REFRESH_FAILED, code="timeout"),
            "Renewing the access failed | Sandbox did not answer in time.",
        ),
        (
            event(Kind.REFRESH_FAILED, code="invalid_client"),
            "Renewing the access failed | Sandbox does not accept this hub.",
        ),
        (
            event(Kind.REFRESH_FAILED, code="strange_thing"),
            "Renewing the access failed | The hub noted: strange_thing.",
        ),
        (event(Kind.REFRESH_FAILED), "Renewing the access failed | "),
        (
            event(Kind.CONNECT_FAILED, "robin", code="access_denied"),
            "Reconnecting did not work | Access was not allowed at Sandbox.",
        ),
        (
            event(Kind.NEEDS_REAUTHORIZATION, code="invalid_grant"),
            "Needs you: access was withdrawn at Sandbox",
        ),
        (event(Kind.SEAL_BROKEN, code="value_forged"), "The stored access could not be opened; it must be reconnected"),
        (
            event(Kind.SCOPE_CHANGED, "robin", gained=["notes:read"], lost=["notes:write", "strange"]),
            "Permissions changed | Now allowed: Read your notes | No longer allowed: Write and delete your notes"
            " | No longer allowed: strange",
        ),
        (
            event(Kind.SCOPE_UNEXPECTED, scope=["notes:write"]),
            "Sandbox granted more than was asked for | Write and delete your notes | The hub does not use it.",
        ),
        (event(Kind.REGISTRATION_CHANGED), "Provider registration changed"),
    ],
)
def test_what_is_told(given: Event, sentence: str) -> None:
    assert told(given) == [sentence]


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_told(kind: Kind) -> None:
    details: dict[str, object] = {"code": 3, "gained": "x", "lost": None, "scope": {}, "reason": [], "method": 1}

    for actor in ("", "robin", "somebody"):
        assert told(Event(kind=kind, actor=actor, details=details, created_at=NOON))


def test_routine_of_a_day_is_told_once() -> None:
    renewals = [event(Kind.REFRESHED, minutes=number) for number in range(24)]
    uses = [event(Kind.USED, actor, minutes=30) for actor in ("a", "b", "a", "a")]

    assert told(*uses[:2], *renewals, *uses[2:]) == ["Used by a", "Used by b", "Access renewed 24 times"]


def test_what_is_no_routine_parts_it() -> None:
    between = event(Kind.SCOPE_CHANGED, gained=["notes:read"])

    lines = told(event(Kind.REFRESHED), event(Kind.REFRESHED), between, event(Kind.REFRESHED))

    assert lines == ["Access renewed 2 times", "Permissions changed | Now allowed: Read your notes", "Access renewed"]


def test_days_have_names() -> None:
    events = [event(Kind.REFRESHED, days=days) for days in (0, 0, 1, 2, 40)]

    days = ROBIN.timeline(events, today=NOON.date())

    assert labels(days) == ["Today", "Yesterday", "3 Mar 2031", "24 Jan 2031"]
    assert [len(day.entries) for day in days] == [1, 1, 1, 1]


def test_a_failure_tells_since_when_it_works_again() -> None:
    works, fails = event(Kind.RECOVERED, days=1), event(Kind.REFRESH_FAILED, days=2, code="timeout")
    fails_now = event(Kind.REFRESH_FAILED, code="timeout")

    days = ROBIN.timeline([fails_now, works, fails], today=NOON.date())

    assert [entry.mended_at for day in days for entry in day.entries] == [None, None, works.created_at]
    assert [entry.tone for day in days for entry in day.entries] == ["trouble", "good", "trouble"]


def test_a_day_that_is_cut_off_is_left_out() -> None:
    events = [event(Kind.REFRESHED, days=days) for days in (0, 1, 1, 2)]

    days = ROBIN.timeline(events, today=NOON.date(), is_cut=True)

    assert labels(days) == ["Today", "Yesterday"]
    assert labels(ROBIN.timeline(events[:1], today=NOON.date(), is_cut=True)) == ["Today"]


def test_the_timeline_ends() -> None:
    events = [event(Kind.RENAMED, days=number // 30) for number in range(200)]

    days = ROBIN.timeline(events, today=NOON.date())

    assert sum(len(day.entries) for day in days) == ENTRIES_SHOWN


@pytest.mark.requirement(47)
def test_names_are_text_and_set_apart() -> None:
    (day,) = ROBIN.timeline([event(Kind.USED, "<b>\u202e{owner}%(x)s")], today=NOON.date())

    assert day.entries[0].sentence == "Used by <bdi>&lt;b&gt;{owner}%(x)s</bdi>"
