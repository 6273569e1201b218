"""Whatever a client sends, the answer is one of ours: no 500, no secret, no redirect to somewhere else."""

from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.authorization_server.device_steps import GRANT_TYPE, make_device_client
from tests.authorization_server.steps import CLIENT_SECRET, authorization_request, basic, make_application, send
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.requirement(143)]

TEXT = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["", "client-1", "client-2", CLIENT_SECRET, "profile", "http://[::1", "\ud7ff", "é", "x" * 3000, "[]"]
    ),
)
GRANTS = ["authorization_code", "refresh_token", "client_credentials", GRANT_TYPE, "openid", "password", ""]
NAMES = [
    *("client_id", "client_secret", "code", "code_verifier", "redirect_uri", "refresh_token", "device_code", "scope"),
    *("resource", "token", "token_type_hint", "user", "client", "scopes", "grant", "device", "refresh_token_instance"),
    *("request", "claims", "state", "expires_in", "audience", "subject_token", "authorization_details", "user_code"),
]
FORMS = st.dictionaries(st.sampled_from(NAMES), st.one_of(TEXT, st.lists(TEXT, max_size=2)), max_size=6)
HEADERS = st.one_of(
    st.sampled_from(["", basic(), basic("client-2"), basic("client-1", "é"), "Basic", "Basic =", "Bearer x"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=20).map(lambda text: f"Basic {text}"),
)
ENDPOINTS = ["token/", "revoke_token/", "introspect/", "device_authorization/"]
often = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(autouse=True)
def applications() -> None:
    make_application()
    make_device_client("client-2")


def harmless(form: dict[str, Any]) -> dict[str, Any]:
    """Lone surrogates cannot be sent at all."""
    return {name: _sendable(value) for name, value in form.items()}


def _sendable(value: Any) -> Any:
    if isinstance(value, list):
        return [_sendable(each) for each in value]
    return value.encode("utf-8", "replace").decode()


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@often
@given(form=FORMS, grant_type=st.sampled_from(GRANTS), header=HEADERS)
def test_a_form(endpoint: str, form: dict[str, Any], grant_type: str, header: str) -> None:
    headers = {"Authorization": header} if header else {}

    response = send(f"/oauth/{endpoint}", {"grant_type": grant_type, **harmless(form)}, **headers)

    assert response.status_code in {200, 400, 401, 429}
    if response.status_code != 200 and response["Content-Type"] == "application/json":
        assert response.json()["error"]
        assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize("endpoint", [*ENDPOINTS, "register/"])
@often
@given(
    body=st.binary(max_size=60),
    content_type=st.sampled_from(
        [
            "application/x-www-form-urlencoded",
            "application/x-www-form-urlencoded; charset=hex",
            "application/x-www-form-urlencoded; charset=utf-16",
            "application/json",
            "multipart/form-data",
            "multipart/form-data; boundary=x",
            "",
            "é/x",
        ]
    ),
)
def test_any_bytes(settings: Any, endpoint: str, body: bytes, content_type: str) -> None:
    settings.HUB_CLIENT_REGISTRATION_TOKEN = "t" * 32
    headers = {"Authorization": "Bearer " + "t" * 32 if endpoint == "register/" else basic()}

    response = Client().generic("POST", f"/oauth/{endpoint}", body, content_type=content_type, headers=headers)

    assert response.status_code in {200, 400, 401, 413, 429}


@pytest.mark.parametrize("query", ["%zz", "a=%zz", "a=%ff", "=", "&&", "a;b", "a=b%", "client_id=x&x=é%", "?", "[]"])
def test_a_query_that_is_none(query: str) -> None:
    browser = Client()
    browser.force_login(make_user())

    for path in ("authorize/", *ENDPOINTS):
        response = browser.generic("GET" if path == "authorize/" else "POST", f"/oauth/{path}", QUERY_STRING=query)
        assert response.status_code in {400, 401}


@often
@given(changes=FORMS, more=st.dictionaries(st.sampled_from(["prompt", "nonce", "response_mode"]), TEXT), raw=TEXT)
def test_an_authorization_request(changes: dict[str, Any], more: dict[str, Any], raw: str) -> None:
    browser = Client()
    browser.force_login(make_user())
    query = authorization_request() | harmless(changes) | harmless(more)

    for response in (
        browser.get("/oauth/authorize/", query),
        browser.post("/oauth/authorize/", {**query, "allow": "true"}, query_params=query),
        browser.get(f"/oauth/authorize/?{harmless({'x': raw})['x']}&client_id=client-1&%zz=%ff"),
    ):
        assert response.status_code in {200, 302, 303, 400}
        location = response.headers.get("Location", "/accounts/")
        assert location.startswith(("/accounts/", "https://client.example/callback?"))


@often
@given(code=TEXT, decision=TEXT, pk=st.integers(min_value=0))
def test_the_device_page(code: str, decision: str, pk: int) -> None:
    browser = Client()
    browser.force_login(make_user())
    form = harmless({"user_code": code, "decision": decision})

    for response in (
        browser.get("/device/", form),
        browser.post("/device/", form),
        browser.get(f"/device/{pk}/"),
        browser.post(f"/device/{pk}/", form),
    ):
        assert response.status_code in {200, 400, 404, 429}
