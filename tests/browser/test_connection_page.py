"""How the page of a connection looks, in every standing, with a month behind it and with nothing."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from integrations.models import Connection, Event
from tests.browser.conftest import Hub, look
from tests.browser.test_journey_connection_page import address, connected
from tests.factories import make_event, make_use

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Kind = Event.Kind


def with_history(connection: Connection) -> None:
    """A month in the life of a connection."""
    now, owner = timezone.now(), connection.owner
    assert owner
    for days in range(30):
        if days % 7 not in (1, 2):
            make_use(
                connection=connection,
                actor="nightly import",
                count=(days * 37) % 23 + 2,
                now=now - timedelta(days=days),
            )
    make_use(connection=connection, actor=owner.username, count=3, now=now - timedelta(hours=2))
    make_use(connection=connection, actor="a report with a rather long name " * 3, now=now - timedelta(days=4))
    told: list[tuple[int, Kind, str, dict[str, object]]] = [
        (9, Kind.CONNECTED, owner.username, {}),
        (9, Kind.USED, "nightly import", {}),
        (3, Kind.REFRESH_FAILED, "", {"code": "timeout"}),
        (2, Kind.RECOVERED, "", {}),
        *((1, Kind.REFRESHED, "", {}) for _ in range(24)),
        (1, Kind.SCOPE_CHANGED, owner.username, {"gained": ["notes:read"], "lost": ["notes:write"]}),
        (0, Kind.RENAMED, owner.username, {}),
        (0, Kind.USED, owner.username, {}),
    ]
    for days, kind, actor, details in told:
        event = make_event(connection=connection, kind=kind, actor=actor, details=details)
        Event.objects.filter(pk=event.pk).update(created_at=now - timedelta(days=days))


def test_how_it_looks(hub: Hub) -> None:
    connection = connected(hub, name="Work", granted_scope="notes:read profile")
    with_history(connection)
    page = hub.open(address(connection))
    page.get_by_text("Show the numbers").click()

    look(page, "connection")
    page.emulate_media(forced_colors="active")
    expect(page.locator(".use-chart-bars rect").first).to_be_visible()
    page.emulate_media(forced_colors="none")
    look(hub.open(address(connection, "disconnect")), "disconnect")


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("unused", {}),
        ("expiring", {"refresh_expires_at": timezone.now() + timedelta(days=3, hours=1)}),
        ("withdrawn", {"status": "needs_reauthorization", "last_error_code": "invalid_grant", "refresh_due_at": None}),
        ("trouble", {"failure_count": 3, "last_error_code": "rate_limited"}),
        ("revoked", {"status": "revoked", "refresh_due_at": None}),
    ],
)
def test_how_each_standing_looks(hub: Hub, name: str, fields: dict[str, object]) -> None:
    connection = connected(hub, **fields)

    look(hub.open(address(connection)), f"connection-{name}")
