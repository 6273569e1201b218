"""RFC 8628: a device asks, waits in its own time, and gets its tokens once."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from oauth2_provider.models import AccessToken, Application, RefreshToken

from hub.authorization_server.devices import ALPHABET
from hub.authorization_server.models import DeviceAuthorization, Tally
from tests.authorization_server.device_steps import (
    GRANT_TYPE,
    approved,
    begin,
    begin_response,
    browser_of,
    decide,
    error_of,
    make_device_client,
    pass_by,
    poll,
)
from tests.authorization_server.steps import call, make_application, refresh, send
from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def application() -> Application:
    return make_device_client()


def test_a_device_gets_two_codes_and_where_to_enter_one(application: Application) -> None:
    response = begin_response(scope="profile connections:read")

    codes = response.json()
    assert response["Cache-Control"] == "no-store"
    assert codes.pop("device_code") != codes["user_code"]
    assert codes == {
        "user_code": codes["user_code"],
        "verification_uri": "http://127.0.0.1:8000/device/",
        "verification_uri_complete": f"http://127.0.0.1:8000/device/?user_code={codes['user_code']}",
        "expires_in": 600,
        "interval": 5,
    }


@pytest.mark.requirement(86, 91)
def test_codes_are_random_and_long_and_of_letters_that_nobody_mistakes(application: Application) -> None:
    Tally.objects.all().delete()
    found = [begin() for _ in range(25)]

    user_codes = [codes["user_code"] for codes in found]
    letters = set("".join(user_codes)) - {"-"}
    assert all(re.fullmatch(r"[A-Z]{4}-[A-Z]{4}", code) for code in user_codes)
    assert letters <= set("BCDFGHJKLMNPQRSTVWXZ")
    assert len(letters) > 15
    assert len(set(user_codes)) == len({codes["device_code"] for codes in found}) == 25
    assert all(len(codes["device_code"]) >= 43 for codes in found)
    assert len(ALPHABET) ** 8 > 2**34


@pytest.mark.requirement(91, 98)
def test_no_code_is_stored_as_it_is(application: Application) -> None:
    codes = begin()

    row = DeviceAuthorization.objects.values().get()
    stored = " ".join(str(value) for value in row.values())
    assert codes["device_code"] not in stored
    assert codes["user_code"] not in stored
    assert codes["user_code"].replace("-", "") not in stored
    assert error_of(poll(row["device_code_hash"])) == "invalid_grant"


def test_what_a_person_allowed_is_given_with_a_refresh_token(application: Application) -> None:
    person = make_user()

    body = poll(approved(person, scope="profile connections:read")).json()

    assert set(body["scope"].split()) == {"profile", "connections:read"}
    assert call("/api/v1/me", body["access_token"]).json()["sub"] == str(person.pk)
    assert refresh(body["refresh_token"]).status_code == 200


def test_without_scope_a_device_asks_for_what_is_usual(application: Application) -> None:
    assert poll(approved(make_user())).json()["scope"] == "profile"


def test_before_the_decision_a_device_is_told_to_wait_and_after_a_no_that_it_was_denied(
    application: Application,
) -> None:
    codes = begin()
    assert error_of(poll(codes["device_code"])) == "authorization_pending"

    decide(browser_of(make_user()), codes["user_code"], allow=False)

    assert error_of(poll(codes["device_code"])) == "access_denied"
    assert not AccessToken.objects.exists()


@pytest.mark.requirement(91)
def test_a_device_code_is_redeemed_once(application: Application) -> None:
    device_code = approved(make_user())
    assert poll(device_code).status_code == 200

    assert error_of(poll(device_code)) == "invalid_grant"
    assert AccessToken.objects.count() == 1


@pytest.mark.requirement(91)
@pytest.mark.django_db(transaction=True)
def test_of_many_polls_at_once_one_is_given_the_tokens() -> None:
    make_device_client()
    device_code = approved(make_user())
    barrier = threading.Barrier(5)

    def attempt(_: int) -> int:
        barrier.wait(10)
        try:
            return int(poll(device_code).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        statuses = sorted(pool.map(attempt, range(5)))

    assert statuses == [200, 400, 400, 400, 400]
    assert AccessToken.objects.count() == RefreshToken.objects.count() == 1


@pytest.mark.requirement(91)
def test_a_device_code_that_ran_out_is_worth_nothing_even_if_it_was_allowed(application: Application) -> None:
    device_code = approved(make_user())
    waiting = begin()["device_code"]

    pass_by(601)

    assert error_of(poll(device_code)) == "expired_token"
    assert error_of(poll(waiting)) == "expired_token"


@pytest.mark.requirement(91)
def test_a_device_code_is_good_for_the_client_it_was_made_for(application: Application) -> None:
    make_device_client("client-2")
    device_code = approved(make_user())

    assert error_of(poll(device_code, client_id="client-2")) == "invalid_grant"
    assert poll(device_code).status_code == 200


@pytest.mark.requirement(90)
@pytest.mark.parametrize("when", ["before the decision", "after it"])
def test_an_inactive_person_gets_nothing(application: Application, when: str) -> None:
    person = make_user()
    codes = begin()
    browser = browser_of(person)
    if when == "after it":
        decide(browser, codes["user_code"])

    User.objects.update(is_active=False)

    assert browser.get("/device/").status_code == 302
    expected = "invalid_grant" if when == "after it" else "authorization_pending"
    assert error_of(poll(codes["device_code"])) == expected
    assert not AccessToken.objects.exists()


def test_the_account_of_who_allowed_it_is_gone_and_so_is_the_device(application: Application) -> None:
    person = make_user()
    device_code = approved(person)

    person.delete()

    assert error_of(poll(device_code)) == "invalid_grant"


@pytest.mark.parametrize("form", [{}, {"device_code": ""}])
def test_without_a_device_code_the_request_is_invalid(application: Application, form: dict[str, str]) -> None:
    form = {"grant_type": GRANT_TYPE, "client_id": "client-1", "client_secret": "s" * 64, **form}

    assert error_of(send("/oauth/token/", form)) == "invalid_request"


@pytest.mark.parametrize("device_code", ["unknown", "é", "x" * 5000, "'"])
def test_a_device_code_that_nobody_got_is_an_invalid_grant(application: Application, device_code: str) -> None:
    assert error_of(poll(device_code)) == "invalid_grant"


@pytest.mark.parametrize("secret", ["wrong", ""])
def test_a_confidential_client_shows_its_secret(application: Application, secret: str) -> None:
    form = {"client_id": "client-1", "client_secret": secret}

    for path, more in (("/oauth/device_authorization/", {}), ("/oauth/token/", {"grant_type": GRANT_TYPE})):
        response = send(path, form | more | {"device_code": "x"})
        assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
        assert response["WWW-Authenticate"].startswith("Basic")
    assert not DeviceAuthorization.objects.exists()


def test_a_public_client_names_itself() -> None:
    make_device_client(client_type=Application.CLIENT_PUBLIC)
    codes = send("/oauth/device_authorization/", {"client_id": "client-1"}).json()
    decide(browser_of(make_user()), codes["user_code"])

    form = {"grant_type": GRANT_TYPE, "client_id": "client-1", "device_code": codes["device_code"]}

    body = send("/oauth/token/", form).json()
    renewed = send(
        "/oauth/token/",
        {"grant_type": "refresh_token", "client_id": "client-1", "refresh_token": body["refresh_token"]},
    )
    assert renewed.status_code == 200


def test_a_client_of_another_grant_is_not_let_in() -> None:
    make_application()

    assert error_of(begin_response()) == "unauthorized_client"
    assert error_of(poll("x")) == "unauthorized_client"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"scope": "everything"}, "invalid_scope"),
        ({"scope": "profile everything"}, "invalid_scope"),
        ({"resource": "https://other.example/"}, "invalid_target"),
    ],
)
def test_what_cannot_be_had_is_refused_before_anyone_waits(
    application: Application, form: dict[str, Any], error: str
) -> None:
    assert error_of(begin_response(**form)) == error
    assert not DeviceAuthorization.objects.exists()


@pytest.mark.usefixtures("one_minute")
def test_a_client_begins_no_more_devices_than_a_few_dozen(application: Application) -> None:
    for _ in range(30):
        begin()

    response = begin_response()

    assert (response.status_code, response.json()["error"]) == (429, "temporarily_unavailable")
    assert 0 < int(response["Retry-After"]) <= 600
    assert DeviceAuthorization.objects.count() == 30


@pytest.mark.usefixtures("one_minute")
@pytest.mark.parametrize("name", ["device.client", "device.everybody"])
def test_devices_are_limited_by_client_and_in_total_too(application: Application, name: str) -> None:
    begin()
    Tally.objects.filter(name=name).update(count=1_000_000)

    assert begin_response().status_code == 429
