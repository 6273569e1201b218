"""JWT access tokens of a real server, npm oidc-provider, at the API: found by its metadata, verified by its keys."""

from collections.abc import Iterator

import pytest
import requests
from pytest_django import Settings

from hub.authorization_server.configuration import SCOPE
from integrations.models import Allowance
from tests.api.calling import Program
from tests.factories import make_connection, make_user
from tests.lending import make_allowance
from tests.real.oidc_provider import OidcProvider, install, node

AUDIENCE = "http://127.0.0.1:8000/api/v1"

pytestmark = [pytest.mark.real, pytest.mark.django_db]


@pytest.fixture(scope="module")
def issuer() -> Iterator[OidcProvider]:
    if node() is None:
        pytest.skip("node is not installed: the npm oidc-provider cannot run")
    install()
    scope = f"{' '.join(SCOPE)} another:scope"
    with OidcProvider("http://127.0.0.1:9/callback", api={"audience": AUDIENCE, "scope": scope}) as provider:
        yield provider


def ask_for_token(issuer: OidcProvider, *, scope: str, resource: str = AUDIENCE) -> str:
    """An access token of its own for the client (RFC 6749 §4.4, RFC 8707)."""
    form = {"grant_type": "client_credentials", "scope": scope, "resource": resource}
    answer = requests.post(f"{issuer.issuer}/token", data=form, auth=issuer.basic, timeout=20)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


@pytest.mark.requirement(146)
def test_client_of_a_trusted_issuer_borrows_what_an_operator_opened(issuer: OidcProvider, settings: Settings) -> None:
    settings.HUB_TRUSTED_ISSUERS = (issuer.issuer,)
    opened, persons = make_connection(of_the_hub=True), make_connection(owner=make_user())
    Allowance.objects.create(
        issuer=issuer.issuer, client_id=issuer.client_id, registration=opened.registration, scope=opened.granted_scope
    )
    make_allowance(persons, client_id=issuer.client_id)
    program = Program(token=ask_for_token(issuer, scope="profile connections:read connections:borrow another:scope"))

    me = program.get("/me").json()

    assert (me["client_id"], me["sub"]) == (issuer.client_id, None)
    assert me["scope"] == "connections:borrow connections:read profile"
    assert [row["id"] for row in program.get("/connections").json()["data"]] == [str(opened.uuid)]
    assert program.post(f"/connections/{opened.uuid}/token").json()["access_token"]
    assert program.post(f"/connections/{persons.uuid}/token").status_code == 404
    assert program.get("/events").json()["code"] == "insufficient_scope"


@pytest.mark.requirement(145)
@pytest.mark.requirement(146)
def test_client_of_the_same_name_here_is_another(issuer: OidcProvider, settings: Settings) -> None:
    settings.HUB_TRUSTED_ISSUERS = (issuer.issuer,)
    opened = make_connection(of_the_hub=True)
    make_allowance(opened, client_id=issuer.client_id)
    program = Program(token=ask_for_token(issuer, scope="connections:read"))
    assert program.get("/connections").json()["data"] == []


@pytest.mark.requirement(146)
def test_issuer_that_nobody_trusts(issuer: OidcProvider, settings: Settings) -> None:
    token = ask_for_token(issuer, scope="profile")
    for trusted in ((), ("https://issuer.example",), (f"{issuer.issuer}/",)):
        settings.HUB_TRUSTED_ISSUERS = trusted
        response = Program(token=token).get("/me")
        assert (response.status_code, response.json()["code"]) == (401, "invalid_token")


@pytest.mark.requirement(146)
@pytest.mark.requirement(147)
def test_token_for_another_audience(settings: Settings) -> None:
    if node() is None:
        pytest.skip("node is not installed: the npm oidc-provider cannot run")
    other = {"audience": "http://127.0.0.1:8000/api/v2", "scope": "profile"}
    with OidcProvider("http://127.0.0.1:9/callback", api=other) as issuer:
        settings.HUB_TRUSTED_ISSUERS = (issuer.issuer,)
        response = Program(token=ask_for_token(issuer, scope="profile")).get("/me")
    assert response.status_code == 401
    assert "not accepted: aud" in response["WWW-Authenticate"]
