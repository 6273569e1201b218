"""Where a request comes from."""

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from integrations.models import Event
from integrations.web.visitor import client_address
from tests.web.person import Person


@pytest.mark.requirement(133)
@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "", "192.0.2.1"),
        (0, "203.0.113.9", "192.0.2.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "198.51.100.7, 203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.7, 203.0.113.9", "198.51.100.7"),
        (2, "10.9.9.9, 198.51.100.7, 203.0.113.9", "198.51.100.7"),
        (3, "198.51.100.7, 203.0.113.9", "192.0.2.1"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "<script>", ""),
        (1, "", ""),
    ],
)
def test_only_our_own_proxies_are_believed(settings: Settings, proxies: int, forwarded: str, address: str) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    request = RequestFactory(REMOTE_ADDR="192.0.2.1").get("/", headers={"X-Forwarded-For": forwarded})

    assert client_address(request) == address


def test_a_socket_without_an_address_is_nobody() -> None:
    assert client_address(RequestFactory(REMOTE_ADDR="").get("/")) == ""


@pytest.mark.requirement(133)
def test_an_event_names_the_address_that_was_seen(person: Person) -> None:
    location = person.server.authorization_response(person.begin())

    person.get(location[location.index("/connections/") :], **{"X-Forwarded-For": "203.0.113.9"})

    assert Event.objects.get(kind=Event.Kind.CONNECTED).ip == "127.0.0.1"
