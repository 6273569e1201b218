"""What the page that people open most costs them: few bytes, no other origin, nothing that jumps."""

import gzip

import pytest
from django.utils import timezone
from playwright.sync_api import Response

from integrations.models import Event
from tests.browser.conftest import Hub
from tests.browser.test_connection_list import WATCH_SHIFTS, many
from tests.browser.test_every_page import address, connected
from tests.factories import make_event

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIMIT = 60_000


@pytest.fixture
def used(hub: Hub) -> str:
    """The page of a connection with a chart and a timeline; its address."""
    connection = connected(hub, last_used_at=timezone.now())
    for _ in range(30):
        make_event(connection=connection, kind=Event.Kind.USED, actor="nightly import")
    return address(connection)


@pytest.mark.parametrize("path", ["/connections/", "/connections/new/", "/activity/", ""])
def test_a_full_page_weighs_less_than_60_kb_compressed(hub: Hub, used: str, path: str) -> None:
    many(hub, 40)
    answers: list[Response] = []
    hub.page.on("response", lambda answer: answers.append(answer))

    page = hub.open(path or used)
    page.wait_for_load_state("networkidle")

    weights = {answer.url: len(gzip.compress(answer.body(), 6)) for answer in answers}
    print({url.rpartition("/")[2] or url: weight for url, weight in weights.items()}, sum(weights.values()))
    assert {".css", ".js", ".svg"} <= {f".{url.rpartition('.')[2]}" for url in weights}
    assert sum(weights.values()) < LIMIT
    assert all(url.startswith(f"{hub.origin}/") for url in weights)


@pytest.mark.parametrize("path", ["/connections/", "/connections/?page=2", "/connections/new/", "/activity/", ""])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_moves_while_it_loads(hub: Hub, used: str, path: str, width: int) -> None:
    many(hub, 40)
    hub.page.add_init_script(WATCH_SHIFTS)
    hub.page.set_viewport_size({"width": width, "height": 800})

    page = hub.open(path or used)
    page.wait_for_load_state("networkidle")

    assert page.evaluate("window.shifts") == []
