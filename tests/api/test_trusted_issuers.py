"""JWTs that must not let anybody in, and an issuer that does not answer."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from joserfc.jwk import OctKey
from pytest_django import Settings

from integrations.models import Allowance
from tests.api.calling import Program
from tests.api.matrix import routes
from tests.factories import make_connection, make_user
from tests.oauth.signing import rsa, sign

pytestmark = pytest.mark.django_db

AUDIENCE = "http://127.0.0.1:8000/api/v1"


class Issuer:
    """Metadata and keys on loopback; `document` is what is published beside its name and its keys' address."""

    def __init__(self) -> None:
        self.document: dict[str, Any] | None = {}
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                found = outer.answer(self.path)
                self.send_response(404 if found is None else 200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(found).encode())

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, path: str) -> Any:
        if self.document is None:
            return None
        if path == "/keys":
            return {"keys": [rsa().as_dict(private=False)]}
        whole = {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **self.document}
        return whole if path == "/.well-known/oauth-authorization-server" else None


@pytest.fixture
def issuer(settings: Settings) -> Iterator[Issuer]:
    found = Issuer()
    settings.HUB_TRUSTED_ISSUERS = (found.url,)
    Thread(target=found.server.serve_forever, daemon=True).start()
    yield found
    found.server.shutdown()
    found.server.server_close()


def token(issuer: Issuer, *, headers: dict[str, Any] | None = None, **changes: Any) -> str:
    now = int(datetime.now(UTC).timestamp())
    whole = {
        "iss": issuer.url,
        "sub": "someone",
        "aud": AUDIENCE,
        "exp": now + 600,
        "iat": now,
        "jti": "1",
        "client_id": "robot",
        "scope": "profile connections:read connections:disconnect connections:connect admin",
    }
    claims = {name: value for name, value in {**whole, **changes}.items() if value is not None}
    return sign(claims, headers={"typ": "at+jwt", **(headers or {})})


def test_only_keys_and_name_of_an_issuer_are_needed(issuer: Issuer) -> None:
    me = Program(token=token(issuer)).get("/me")
    assert me.json() == {
        "client_id": "robot",
        "sub": None,
        "name": None,
        "scope": "connections:connect connections:disconnect connections:read profile",
    }


@pytest.mark.requirement(62)
@pytest.mark.requirement(146)
@pytest.mark.parametrize(
    ("headers", "changes", "why"),
    [
        ({"typ": "JWT"}, {}, "token_kind"),
        ({"typ": None}, {}, "token_kind"),
        ({"alg": "none"}, {}, "algorithm"),
        ({"crit": ["x"], "x": 1}, {}, "header"),
        ({}, {"aud": "robot"}, "aud"),
        ({}, {"exp": 1}, "exp"),
        ({}, {"client_id": None}, "claims"),
        ({}, {"jti": "2", "cnf": {"jkt": "x"}}, "bound"),
    ],
)
def test_token_that_is_not_for_us(issuer: Issuer, headers: Any, changes: Any, why: str) -> None:
    response = Program(token=token(issuer, headers=headers, **changes)).get("/me")
    assert (response.status_code, response.json()["code"]) == (401, "invalid_token")
    assert f"not accepted: {why}" in response["WWW-Authenticate"]


@pytest.mark.requirement(146)
def test_secret_made_of_the_public_key(issuer: Issuer) -> None:
    public = OctKey.import_key(json.dumps(rsa().as_dict(private=False)))
    claims = {"iss": issuer.url, "aud": AUDIENCE, "client_id": "robot"}
    sent = sign(claims, key=public, alg="HS256", kid=rsa().kid, headers={"typ": "at+jwt"})
    assert Program(token=sent).get("/me").status_code == 401


@pytest.mark.requirement(145)
def test_whoever_its_subject_is_it_acts_for_no_person_here(issuer: Issuer) -> None:
    person = make_user()
    connection = make_connection(owner=person)
    Allowance.objects.create(
        issuer=issuer.url,
        client_id="robot",
        person=person,
        connection=connection,
        registration=connection.registration,
        scope="profile",
    )
    program = Program(token=token(issuer, sub=str(person.pk)))
    assert program.get("/me").json()["sub"] is None
    assert program.get("/connections").json()["data"] == []
    assert program.delete(f"/connections/{connection.uuid}").json()["code"] == "person_required"
    assert program.post("/connect", {"provider": "sandbox"}).json()["code"] == "person_required"


@pytest.mark.requirement(146)
@pytest.mark.parametrize("document", [None, {"issuer": "https://other.example"}, {"jwks_uri": None}, {"jwks_uri": "x"}])
def test_issuer_that_does_not_answer_as_it_should(issuer: Issuer, document: Any) -> None:
    issuer.document = document
    response = Program(token=token(issuer)).get("/me")
    assert (response.status_code, response.json()["code"]) == (503, "temporarily_unavailable")
    assert response.has_header("Retry-After")
    asked = len(issuer.asked)
    Program(token=token(issuer)).get("/me")
    assert len(issuer.asked) == asked


def test_what_every_route_answers_then_is_documented(issuer: Issuer) -> None:
    issuer.document = None
    program, connection = Program(token=token(issuer)), make_connection()
    for route in routes():
        response = route.ask(program, connection)
        assert response.status_code == 503, route
        assert route.method == "HEAD" or response.json()["code"] in route.codes, route


def test_metadata_and_keys_are_fetched_once(issuer: Issuer) -> None:
    for _ in range(3):
        assert Program(token=token(issuer)).get("/me").status_code == 200
    assert issuer.asked.count("/keys") == 1
    Program(token=sign({"iss": issuer.url}, key=rsa("rsa-2"), headers={"typ": "at+jwt"})).get("/me")
    assert issuer.asked.count("/keys") == 2
