"""RFC 6749 §4.1.1, §4.1.2: the page that asks, and what comes back from it."""

import time
from typing import Any

import pytest
from django.core.signing import TimestampSigner, b62_encode
from django.test import Client
from oauth2_provider.models import Grant

from tests.admin.posting import fields_of
from tests.authorization_server.steps import (
    REDIRECT_URI,
    authorization_request,
    decide,
    get_tokens,
    make_application,
    response_of,
)
from tests.factories import PASSWORD, make_user

pytestmark = pytest.mark.django_db
ISSUER = "http://127.0.0.1:8000/oauth"


@pytest.fixture
def browser() -> Client:
    make_application()
    browser = Client()
    browser.force_login(make_user())
    return browser


def earlier(signed: str, seconds: int) -> str:
    """What is signed, as if it had been some time ago."""

    class Earlier(TimestampSigner):
        def timestamp(self) -> str:
            return b62_encode(int(time.time()) - seconds)

    signer = Earlier(salt="hub.authorization_server.consent")
    return signer.sign(signer.unsign(signed))


def open_page(browser: Client, **changes: str | None) -> Any:
    return browser.get("/oauth/authorize/", authorization_request(**changes))


def test_the_page_names_the_client_and_the_scope_in_words(browser: Client) -> None:
    page = open_page(browser, scope="profile notes:read").content.decode()

    assert "Example Client" in page
    assert "See your name" in page
    assert "Read your notes" in page
    assert "client.example" in page


def test_the_page_tells_new_scope_from_scope_the_client_already_has() -> None:
    make_application()
    user = make_user()
    get_tokens(user, scope="profile")
    browser = Client()
    browser.force_login(user)

    page = open_page(browser, scope="profile notes:read")

    assert page.context["asked"] == ["Read your notes"]
    assert page.context["held"] == ["See your name"]


def test_scope_held_by_another_person_is_not_called_held(browser: Client) -> None:
    get_tokens(make_user(), scope="profile")

    assert open_page(browser, scope="profile").context["held"] == []


def test_a_person_who_is_not_signed_in_is_sent_to_sign_in(browser: Client) -> None:
    response = open_page(Client())

    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/?next=/oauth/authorize/")


@pytest.mark.requirement(128)
@pytest.mark.parametrize("state", ["x" * 1900, "x" * 7000, "a\r\nb"])
def test_whatever_the_state_signing_in_leads_back_to_the_request(browser: Client, state: str) -> None:
    visitor, name = Client(), make_user().username
    login = visitor.get(open_page(visitor, state=state)["Location"])

    form = {**fields_of(login), "login": name, "password": PASSWORD}
    page = visitor.post("/accounts/login/", form, follow=True)

    assert page.context["form"].initial["state"] == state


@pytest.mark.requirement(130)
def test_no_other_site_can_frame_the_page(browser: Client) -> None:
    page = open_page(browser)

    assert page["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in page["Content-Security-Policy"]


@pytest.mark.requirement(131)
def test_the_form_may_lead_to_the_client_and_nowhere_else(browser: Client) -> None:
    policy = open_page(browser)["Content-Security-Policy"]

    assert "form-action 'self' https:;" in policy + ";"
    assert "unsafe" not in policy


@pytest.mark.requirement(131)
@pytest.mark.parametrize(
    ("redirect_uri", "own"),
    [
        ("http://127.0.0.1/callback", "http://127.0.0.1:*"),
        ("http://127.0.0.1:51234/callback", "http://127.0.0.1:*"),
        ("http://[::1]:4000/", "http:"),
    ],
)
def test_plain_http_leads_to_the_persons_own_machine_alone_as_far_as_a_policy_can_say_it(
    redirect_uri: str, own: str
) -> None:
    make_application(client_type="public", redirect_uris=redirect_uri)
    browser = Client()
    browser.force_login(make_user())

    policy = open_page(browser, redirect_uri=redirect_uri)["Content-Security-Policy"]

    assert f"form-action 'self' https: {own};" in policy + ";"


def test_a_client_name_is_shown_as_text() -> None:
    make_application(name="<script>alert(1)</script>")
    browser = Client()
    browser.force_login(make_user())

    assert b"<script>alert" not in open_page(browser).content


@pytest.mark.requirement(34)
@pytest.mark.parametrize("allow", [True, False])
def test_the_redirect_with_the_response_is_a_303(browser: Client, allow: bool) -> None:
    assert decide(browser, allow=allow).status_code == 303


@pytest.mark.parametrize("allow", [True, False])
def test_a_response_names_the_issuer_once_whatever_it_says(browser: Client, allow: bool) -> None:
    response = decide(browser, allow=allow)

    assert response_of(response)["iss"] == ISSUER
    assert response["Location"].count("iss=") == 1
    assert response_of(response)["state"] == "state-1"


@pytest.mark.parametrize("state", ["  x ", "a+b%20c&d=e#f;g?/", "\u00e9\U0001f511 \u202e", "a\nb\r\nc\td", "%zz"])
def test_the_state_comes_back_exactly_as_it_was_sent(browser: Client, state: str) -> None:
    typed = {"state": state.replace("\r\n", "\n").replace("\n", "\r\n")}  # as a browser sends it

    answers = [decide(browser, allow=allow, state=state, form=typed) for allow in (True, False)]
    answers.append(open_page(browser, state=state, scope="everything"))

    assert [response_of(answer)["state"] for answer in answers] == [state] * 3


@pytest.mark.parametrize(("seconds", "status"), [(3590, 303), (3610, 400)])
def test_a_page_that_was_opened_over_an_hour_ago_leads_nowhere(browser: Client, seconds: int, status: int) -> None:
    shown = open_page(browser).context["form"].initial["shown"]

    answer = decide(browser, form={"shown": earlier(shown, seconds)})

    assert answer.status_code == status
    assert ("Start again from the application" in answer.content.decode()) == (status == 400)
    assert Grant.objects.exists() == (status == 303)


def test_an_error_response_names_the_issuer(browser: Client) -> None:
    response = open_page(browser, scope="everything")

    assert response_of(response) == {"error": "invalid_scope", "state": "state-1", "iss": ISSUER}


def test_denying_gives_access_denied_and_no_code(browser: Client) -> None:
    response = response_of(decide(browser, allow=False))

    assert response["error"] == "access_denied"
    assert "code" not in response


@pytest.mark.requirement(138)
@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
        {"code_challenge_method": "s256"},
        {"code_challenge": "short"},
        {"code_challenge": "x" * 300},
        {"code_challenge": ""},
    ],
)
def test_without_an_s256_challenge_nobody_is_asked(browser: Client, changes: dict[str, str | None]) -> None:
    response = open_page(browser, **changes)

    assert response.status_code == 303
    assert response_of(response)["error"] == "invalid_request"


@pytest.mark.parametrize("response_type", ["token", "id_token", "code token", "none", ""])
def test_only_a_code_can_be_asked_for(browser: Client, response_type: str) -> None:
    response = response_of(open_page(browser, response_type=response_type))

    assert response["error"] in {"unsupported_response_type", "unauthorized_client"}
    assert "access_token" not in response


@pytest.mark.parametrize("allow", [True, False])
@pytest.mark.parametrize("form", [{"redirect_uri": "https://evil.example/"}, {"client_id": "nobody"}, {"scope": ""}])
def test_a_form_that_is_not_ours_leads_nowhere(browser: Client, form: dict[str, str], allow: bool) -> None:
    response = decide(browser, allow=allow, form=form)

    assert response.status_code == 400
    assert "Location" not in response


def test_the_form_needs_its_csrf_token() -> None:
    make_application()
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make_user())

    response = browser.post("/oauth/authorize/", {"allow": "true", **authorization_request()})

    assert response.status_code == 403


def test_a_client_cannot_skip_the_question() -> None:
    make_application()
    user = make_user()
    get_tokens(user)
    browser = Client()
    browser.force_login(user)

    page = browser.get("/oauth/authorize/", {**authorization_request(), "approval_prompt": "auto"})

    assert page.status_code == 200


@pytest.mark.requirement(150)
def test_no_other_origin_can_read_the_page(browser: Client) -> None:
    page = browser.get("/oauth/authorize/", authorization_request(), headers={"Origin": "https://client.example"})

    assert "Access-Control-Allow-Origin" not in page


@pytest.mark.parametrize("path", ["device/", "device-authorization/", "applications/", "register/", "userinfo/"])
def test_nothing_else_of_the_toolkit_answers(browser: Client, path: str) -> None:
    assert browser.get(f"/oauth/{path}").status_code == 404


def test_the_response_goes_to_the_registered_address(browser: Client) -> None:
    assert decide(browser)["Location"].startswith(f"{REDIRECT_URI}?")
