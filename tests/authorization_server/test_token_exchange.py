"""Token exchange (RFC 8693): a client trades its own access token for a connection's."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from oauth2_provider.models import Application
from pytest_django import Settings

from integrations.models import Connection, Use
from tests.api.calling import issue
from tests.authorization_server.steps import make_application, send, token_request
from tests.factories import make_connection, make_tokens, make_user
from tests.lending import make_allowance

pytestmark = pytest.mark.django_db

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
API = "http://127.0.0.1:8000/api/v1"


@pytest.fixture
def connection() -> Connection:
    tokens = make_tokens(access_token="the provider's token", refresh_token="the refresh token")
    row = make_connection(owner=make_user(), tokens=tokens, scope="profile notes:read")
    make_allowance(row)
    return row


def exchange(connection: Connection, **changes: str) -> Any:
    """A good request, but for the changes; an empty value leaves a parameter out."""
    form = {
        "grant_type": GRANT_TYPE,
        "subject_token": issue(connection.owner),
        "subject_token_type": ACCESS_TOKEN,
        "resource": f"{API}/connections/{connection.uuid}",
        **changes,
    }
    return token_request(**{name: value for name, value in form.items() if value})


def told(response: Any) -> tuple[int, str]:
    assert "access_token" not in response.json()
    return response.status_code, response.json()["error"]


@pytest.mark.requirement(102)
@pytest.mark.requirement(122)
def test_token_of_a_connection(connection: Connection) -> None:
    response = exchange(connection, scope="notes:read")

    body = response.json()
    assert (response.status_code, response["Cache-Control"]) == (200, "no-store")
    assert 3590 <= body.pop("expires_in") <= 3600
    assert body == {
        "access_token": "the provider's token",
        "issued_token_type": ACCESS_TOKEN,
        "token_type": "Bearer",
        "scope": "notes:read profile",
    }


@pytest.mark.requirement(122)
def test_actor_is_recorded(connection: Connection) -> None:
    exchange(connection)
    assert Use.objects.get(connection=connection).actor == "application: Example Client [client-1]"


def test_connection_can_be_named_as_an_audience(connection: Connection) -> None:
    assert exchange(connection, resource="", audience=f"urn:uuid:{connection.uuid}").status_code == 200
    both = exchange(connection, audience=f"urn:uuid:{connection.uuid}")
    assert both.status_code == 200


@pytest.mark.requirement(122)
def test_subject_token_is_the_clients_own_and_alive(connection: Connection) -> None:
    make_application("client-2")
    for token in (
        issue(connection.owner, client_id="client-2"),
        issue(connection.owner, expires_in=-1),
        "nobody-issued-this",
        "a.b.c",
    ):
        assert told(exchange(connection, subject_token=token)) == (400, "invalid_request")


@pytest.mark.requirement(122)
def test_subject_of_somebody_who_may_no_longer_sign_in(connection: Connection) -> None:
    token = issue(connection.owner)
    User.objects.update(is_active=False)
    assert told(exchange(connection, subject_token=token)) == (400, "invalid_request")


@pytest.mark.requirement(122)
@pytest.mark.parametrize(
    "changes",
    [
        {"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"},
        {"subject_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        {"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"},
        {"subject_token_type": ""},
        {"subject_token": ""},
        {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        {"actor_token": "x", "actor_token_type": ACCESS_TOKEN},
    ],
)
def test_other_kinds_of_token(connection: Connection, changes: dict[str, str]) -> None:
    assert told(exchange(connection, **changes)) == (400, "invalid_request")


@pytest.mark.requirement(122)
def test_scope_of_the_subject_token(connection: Connection) -> None:
    token = issue(connection.owner, scope="connections:read connections:call")
    assert told(exchange(connection, subject_token=token)) == (400, "invalid_scope")


@pytest.mark.requirement(123)
def test_there_is_no_connection_by_default(connection: Connection) -> None:
    assert told(exchange(connection, resource="")) == (400, "invalid_request")


@pytest.mark.requirement(111)
@pytest.mark.requirement(122)
@pytest.mark.parametrize(
    "resource",
    [
        f"{API}/connections/{UUID(int=1)}",
        f"{API}/connections/",
        API,
        "https://evil.example/api/v1/connections/{uuid}",
        f"{API}/connections/{{uuid}}/proxy",
        f"{API}/connections/{{uuid}}?x",
        f"{API}/connections/{{uuid}}#x",
        "urn:uuid:{uuid}",
        "{uuid}",
    ],
)
def test_resource_that_names_no_connection(connection: Connection, resource: str) -> None:
    named = resource.replace("{uuid}", str(connection.uuid))
    assert told(exchange(connection, resource=named)) == (400, "invalid_target")


@pytest.mark.requirement(122)
def test_two_connections_are_none(connection: Connection) -> None:
    assert told(exchange(connection, audience=f"urn:uuid:{uuid4()}")) == (400, "invalid_target")


@pytest.mark.requirement(111)
@pytest.mark.requirement(112)
def test_connection_that_is_not_shared(connection: Connection) -> None:
    kept = make_connection(owner=connection.owner)
    assert told(exchange(kept)) == (400, "invalid_target")
    assert told(exchange(connection, subject_token=issue(make_user()))) == (400, "invalid_target")
    assert told(exchange(connection, subject_token=issue(None))) == (400, "invalid_target")


@pytest.mark.requirement(43)
def test_scope_that_is_missing_names_the_page_to_grant_it(connection: Connection) -> None:
    response = exchange(connection, scope="notes:write")
    assert told(response) == (400, "invalid_scope")
    assert response.json()["error_uri"].startswith("http://127.0.0.1:8000/connections/consent/")


def test_connection_that_needs_its_owner(connection: Connection) -> None:
    token = issue(connection.owner)
    Connection.objects.update(status=Connection.Status.NEEDS_REAUTHORIZATION, refresh_due_at=None)
    response = exchange(connection, subject_token=token)
    assert told(response) == (400, "invalid_grant")
    assert response.json()["error_uri"] == f"http://127.0.0.1:8000/connections/{connection.uuid}/"


@pytest.mark.requirement(122)
def test_client_authenticates(connection: Connection) -> None:
    token = issue(connection.owner)
    assert told(exchange(connection, subject_token=token, client_secret="wrong")) == (401, "invalid_client")


@pytest.mark.requirement(122)
def test_public_client_has_the_plain_endpoint(connection: Connection) -> None:
    token = issue(connection.owner)
    Application.objects.update(client_type=Application.CLIENT_PUBLIC)
    form = {"grant_type": GRANT_TYPE, "subject_token": token, "subject_token_type": ACCESS_TOKEN}
    named = {**form, "resource": f"{API}/connections/{connection.uuid}", "client_id": "client-1"}
    assert told(send("/oauth/token/", named)) == (400, "unauthorized_client")
    assert told(exchange(connection, subject_token=token)) == (401, "invalid_client")
    assert told(send("/oauth/token/", {**named, "client_id": "client-2"})) == (401, "invalid_client")


@pytest.mark.usefixtures("one_minute")
def test_quota_is_the_same_as_at_the_api(connection: Connection, settings: Settings) -> None:
    settings.HUB_API_REQUESTS_PER_MINUTE = 1
    token = issue(connection.owner)
    assert exchange(connection, subject_token=token).status_code == 200
    response = exchange(connection, subject_token=token)
    assert told(response) == (429, "temporarily_unavailable")
    assert int(response["Retry-After"]) > 0
