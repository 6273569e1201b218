"""RFC 6749 §2.3, §3.2: who a client is, what a request has to look like, and that failures are alike."""

import base64
import logging
import time
from typing import Any

import pytest
from django.test import Client
from oauth2_provider.models import AccessToken, Application

from hub.authorization_server import client_authentication
from hub.authorization_server.client_secret import ClientSecretHasher
from tests.authorization_server.steps import CLIENT_SECRET, basic, exchange, get_code, make_application, send
from tests.factories import make_user

pytestmark = pytest.mark.django_db
ENDPOINTS = ["/oauth/token/", "/oauth/revoke_token/", "/oauth/introspect/", "/oauth/device_authorization/"]
BODY = {
    "/oauth/token/": {"grant_type": "client_credentials"},
    "/oauth/revoke_token/": {"token": "x"},
    "/oauth/introspect/": {"token": "x"},
    "/oauth/device_authorization/": {"scope": "profile"},
}
each_endpoint = pytest.mark.parametrize("path", ENDPOINTS)


@pytest.fixture(autouse=True)
def application() -> Application:
    return make_application(grant_type=Application.GRANT_CLIENT_CREDENTIALS)


@pytest.mark.requirement(143)
@each_endpoint
@pytest.mark.parametrize(
    "header",
    [
        basic("client-1", "wrong"),
        basic("client-1", ""),
        basic("nobody", CLIENT_SECRET),
        basic("", ""),
        "Basic",
        "Basic é",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
        "Basic ===",
    ],
)
def test_whatever_is_wrong_with_a_client_the_answer_is_the_same(path: str, header: str) -> None:
    responses = [send(path, BODY[path], Authorization=each) for each in (header, basic("client-1", "other"))]

    assert [response.status_code for response in responses] == [401, 401]
    assert responses[0].content == responses[1].content
    assert responses[0].json()["error"] == "invalid_client"
    assert responses[0]["WWW-Authenticate"] == 'Basic realm="hub"'
    assert responses[0]["Cache-Control"] == "no-store"


@pytest.mark.requirement(143)
@each_endpoint
@pytest.mark.parametrize("secret", ["", "wrong"])
def test_a_secret_in_the_form_is_judged_alike(path: str, secret: str) -> None:
    for client_id in ("client-1", "nobody"):
        response = send(path, {**BODY[path], "client_id": client_id, "client_secret": secret})
        assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


@pytest.mark.requirement(143)
@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_the_scheme_is_read_in_any_case(scheme: str) -> None:
    header = basic().replace("Basic", scheme)

    assert send("/oauth/token/", BODY["/oauth/token/"], Authorization=header).status_code == 200


@pytest.mark.requirement(143)
@each_endpoint
@pytest.mark.parametrize("more", [{"client_secret": CLIENT_SECRET}, {"client_id": "client-2"}])
def test_a_client_shows_its_secret_in_one_way(path: str, more: dict[str, str]) -> None:
    make_application("client-2", grant_type=Application.GRANT_CLIENT_CREDENTIALS)

    assert send(path, {**BODY[path], **more}, Authorization=basic()).status_code == 401


@pytest.mark.requirement(143)
@pytest.mark.parametrize("stored", ["", CLIENT_SECRET])
def test_a_public_client_cannot_pass_for_one_that_has_a_secret(stored: str) -> None:
    Application.objects.update(client_type=Application.CLIENT_PUBLIC, client_secret=stored)

    for form in ({"client_id": "client-1"}, {"client_id": "client-1", "client_secret": stored}):
        for path in ("/oauth/token/", "/oauth/introspect/"):
            assert send(path, {**BODY[path], **form}).status_code == 401
    assert not AccessToken.objects.exists()


@pytest.mark.requirement(143)
def test_a_confidential_client_that_lost_its_secret_is_not_let_in_without() -> None:
    Application.objects.update(client_secret="")

    response = send("/oauth/token/", BODY["/oauth/token/"], Authorization=basic("client-1", ""))

    assert response.status_code == 401


@pytest.mark.requirement(143)
def test_a_client_that_does_not_exist_takes_as_long_as_a_wrong_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClientSecretHasher, "iterations", 100_000)
    client_authentication._nobodys_secret.cache_clear()
    make_application("client-2")

    def seconds(client_id: str) -> float:
        started = time.process_time()
        send("/oauth/introspect/", {"token": "x"}, Authorization=basic(client_id, "wrong"))
        return time.process_time() - started

    # In turn, for a machine is not as fast at all times; without the hash it is a tenth.
    pairs = [(seconds("nobody"), seconds("client-2")) for _ in range(6)]
    unknown, wrong = (min(column) for column in zip(*pairs, strict=True))
    client_authentication._nobodys_secret.cache_clear()

    assert 0.4 < unknown / wrong < 2.5


@pytest.mark.requirement(143)
@each_endpoint
@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain"])
def test_only_forms_are_read(path: str, content_type: str) -> None:
    body: Any = {"multipart/form-data; boundary=x": b"--x--", "application/json": b"{}"}.get(content_type, b"a=b")

    response = Client().post(path, body, content_type=content_type, headers={"Authorization": basic()})

    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.requirement(143)
@each_endpoint
def test_nothing_is_read_from_the_query_and_nothing_twice(path: str) -> None:
    asked = send(f"{path}?client_id=client-1", BODY[path], Authorization=basic())
    twice = send(path, {**BODY[path], "client_id": ["client-1", "client-1"]}, Authorization=basic())

    for response in (asked, twice):
        assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.requirement(143)
@each_endpoint
@pytest.mark.parametrize("method", ["get", "put", "delete", "patch", "head"])
def test_only_post_is_answered(path: str, method: str) -> None:
    response = getattr(Client(), method)(path)

    assert response.status_code == 405
    assert response["Cache-Control"] == "no-store"


@pytest.mark.requirement(143)
def test_no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for secret in (CLIENT_SECRET, "canary-wrong-secret"):
            for path in ENDPOINTS:
                send(path, {**BODY[path], "token": "canary-token"}, Authorization=basic("client-1", secret))
                send(path, {**BODY[path], "client_id": "client-1", "client_secret": secret})

    logged = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert not any(secret in logged for secret in (CLIENT_SECRET, "canary-wrong-secret", "canary-token"))


@pytest.mark.requirement(145)
def test_client_credentials_are_nobodys_whatever_the_request_and_the_application_say() -> None:
    person = make_user()
    Application.objects.update(user=person)
    form = {"grant_type": "client_credentials", "user": str(person.pk), "user_id": str(person.pk), "sub": "1"}

    body = send("/oauth/token/", form, Authorization=basic()).json()
    told = send("/oauth/introspect/", {"token": body["access_token"]}, Authorization=basic()).json()
    me = Client().get("/api/v1/me", headers={"Authorization": f"Bearer {body['access_token']}"}).json()

    assert "refresh_token" not in body
    assert AccessToken.objects.get().user is None
    assert told["active"] is True
    assert "sub" not in told
    assert "username" not in told
    assert me["sub"] is None


@pytest.mark.requirement(145)
def test_a_client_that_is_called_like_a_person_is_still_nobody() -> None:
    person = make_user()
    Application.objects.update(client_id=str(person.pk))

    body = send("/oauth/token/", {"grant_type": "client_credentials"}, Authorization=basic(str(person.pk))).json()

    me = Client().get("/api/v1/me", headers={"Authorization": f"Bearer {body['access_token']}"}).json()
    assert (me["sub"], me["name"]) == (None, None)


@pytest.mark.parametrize("name", ["client", "user", "scopes", "refresh_token_instance", "grant", "device", "headers"])
def test_a_parameter_is_no_attribute_of_ours(name: str) -> None:
    make_application("client-2")
    code = get_code(make_user(), client_id="client-2")

    assert exchange(code, client_id="client-2", **{name: "injected"}).status_code == 200


@pytest.mark.requirement(150)
@each_endpoint
def test_no_page_of_another_origin_reads_an_answer(path: str) -> None:
    Application.objects.update(allowed_origins="https://app.example")

    for origin in ("https://app.example", "null"):
        response = send(path, BODY[path], Authorization=basic(), Origin=origin)
        assert not any(name.startswith("Access-Control") for name in response.headers)
