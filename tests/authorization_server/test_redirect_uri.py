"""RFC 9700 §2.1, §4.11: a redirect URI is the registered one to the letter, or nobody is sent anywhere."""

from typing import Any

import pytest
from django.test import Client
from oauth2_provider.models import Application

from tests.authorization_server.steps import authorization_request, decide, make_application, response_of
from tests.factories import make_user

pytestmark = pytest.mark.django_db
OTHERS = [
    "https://client.example/callback?more=1",
    "https://client.example/callback?",
    "https://client.example/callback/",
    "https://client.example/callback/../callback",
    "https://client.example/Callback",
    "https://client.example/call%62ack",
    "https://client.example/callback;evil=1",
    "https://client.example/callback#x",
    "https://client.example/callback#",
    "https://client.example:443/callback",
    "https://client.example:444/callback",
    "https://CLIENT.example/callback",
    "HTTPS://client.example/callback",
    "https://client.example./callback",
    "https://user@client.example/callback",
    "https://client.example@evil.example/callback",
    "https://client.example.evil/callback",
    "https://client.example\\@evil.example/callback",
    "https://clıent.example/callback",
    "https://xn--clent-q4a.example/callback",
    "http://client.example/callback",
    "//client.example/callback",
    "/callback",
    "https://[::1/callback",
    "https://client.example:x/callback",
    "javascript:alert(1)",
    "data:text/html,x",
    " https://client.example/callback",
    "https://client.example/callback ",
    "https://client.example/callback\r\nX: y",
    "https://evil.example/",
]


def open_page(*, is_signed_in: bool = True, **changes: str | None) -> Any:
    browser = Client()
    if is_signed_in:
        browser.force_login(make_user())
    return browser.get("/oauth/authorize/", authorization_request(**changes))


@pytest.mark.requirement(136)
@pytest.mark.parametrize("redirect_uri", OTHERS)
def test_another_redirect_uri_is_refused_on_our_own_page(redirect_uri: str) -> None:
    make_application()

    response = open_page(redirect_uri=redirect_uri)

    assert response.status_code == 400
    assert "Location" not in response


@pytest.mark.requirement(136)
@pytest.mark.parametrize("redirect_uri", OTHERS)
@pytest.mark.parametrize("allow", [True, False])
def test_a_form_that_was_changed_sends_nobody_elsewhere(redirect_uri: str, allow: bool) -> None:
    make_application()
    browser = Client()
    browser.force_login(make_user())

    response = decide(browser, allow=allow, form={"redirect_uri": redirect_uri})

    location = response.headers.get("Location", "")
    assert response.status_code == 400 or location.lower().startswith("https://client.example/callback?"), location
    assert "code=" not in location or location.startswith("https://client.example/callback?")


@pytest.mark.requirement(136)
@pytest.mark.parametrize(
    ("redirect_uri", "is_allowed"),
    [
        ("http://127.0.0.1:5000/callback", True),
        ("http://127.0.0.1/callback", True),
        ("http://127.0.0.1:65536/callback", False),
        ("http://127.0.0.1:5000/other", False),
        ("http://127.0.0.1:5000/callback?x", False),
        ("http://127.0.0.2:5000/callback", False),
        ("http://localhost:5000/callback", False),
        ("https://127.0.0.1:5000/callback", False),
        ("http://127.0.0.1:5000@evil.example/callback", False),
    ],
)
def test_on_this_machine_any_port_will_do(redirect_uri: str, is_allowed: bool) -> None:
    make_application(redirect_uris="http://127.0.0.1:4000/callback")

    assert open_page(redirect_uri=redirect_uri).status_code == (200 if is_allowed else 400)


@pytest.mark.requirement(137)
@pytest.mark.parametrize("is_signed_in", [True, False])
@pytest.mark.parametrize(
    "broken", [{"client_id": "nobody"}, {"client_id": None}, {"redirect_uri": "https://evil.example/"}]
)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"prompt": "none"},
        {"prompt": "login"},
        {"prompt": "create"},
        {"prompt": "none login"},
        {"scope": "everything"},
        {"response_type": "token"},
        {"response_type": None},
        {"response_mode": "fragment"},
        {"code_challenge": None},
        {"request_uri": "https://evil.example/"},
        {"resource": "https://evil.example/"},
        {"state": "x" * 5000},
    ],
)
def test_nobody_is_sent_to_a_client_before_it_and_its_address_are_known(
    is_signed_in: bool, broken: dict[str, str | None], changes: dict[str, str | None]
) -> None:
    make_application()

    response = open_page(is_signed_in=is_signed_in, **{"redirect_uri": "https://evil.example/", **changes, **broken})

    location = response.headers.get("Location", "")
    assert not location or location.startswith("/accounts/login/?next=/oauth/authorize/"), location
    assert response.status_code in {302, 400}
    assert Application.objects.count() == 1


@pytest.mark.requirement(137, 142)
def test_who_asks_for_no_page_and_is_not_signed_in_is_sent_back_with_our_name() -> None:
    make_application()

    response = response_of(open_page(is_signed_in=False, prompt="none"))

    assert response == {"error": "login_required", "state": "state-1", "iss": "http://127.0.0.1:8000/oauth"}
