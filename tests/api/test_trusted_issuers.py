"""JWTs that must not let anybody in, and an issuer that does not answer."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc.jwk import OctKey
from pytest_django import Settings

from hub.resource_server.trusted import KEEP, Trusted
from integrations.models import Allowance
from tests.api.calling import Program, program_of
from tests.api.matrix import routes
from tests.api.trusted import AUDIENCE, Issuer, open_to_client, serving, token
from tests.factories import make_connection, make_registration, make_user
from tests.oauth.signing import rsa, sign

pytestmark = pytest.mark.django_db


@pytest.fixture
def other_issuer(issuer: Issuer, settings: Settings) -> Iterator[Issuer]:
    with serving() as found:
        settings.HUB_TRUSTED_ISSUERS = (issuer.url, found.url)
        yield found


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


@pytest.mark.requirement(149)
@pytest.mark.parametrize("scheme", ["Bearer", "DPoP"])
def test_token_that_is_bound_to_a_key_is_good_for_nobody(issuer: Issuer, scheme: str) -> None:
    bound = token(issuer, cnf={"jkt": "x"})
    proof = sign({"htm": "GET", "htu": f"{AUDIENCE}/me", "jti": "1"}, headers={"typ": "dpop+jwt"})
    response = Program(token="").get("/me", headers={"Authorization": f"{scheme} {bound}", "DPoP": proof})
    assert (response.status_code, "Bearer" in response["WWW-Authenticate"]) == (401, True)
    assert Program(token=token(issuer)).get("/me").status_code == 200


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


@pytest.mark.requirement(112, 145)
@pytest.mark.parametrize(("subject", "whose"), [("", "robot"), ("robot", "robot"), ("someone", "someone")])
def test_what_is_opened_is_open_to_one_client_of_one_issuer_for_one_subject(
    issuer: Issuer, other_issuer: Issuer, subject: str, whose: str
) -> None:
    connection = make_connection(of_the_hub=True)
    opened = open_to_client(issuer.url, connection.registration, subject=subject)
    assert opened.status_code == 302

    may = {
        (one.url, client_id, sub)
        for one in (issuer, other_issuer)
        for client_id in ("robot", "robot2")
        for sub in ("robot", "robot2", "someone")
        if Program(token=token(one, client_id=client_id, sub=sub)).get("/connections").json()["data"]
    }
    assert may == {(issuer.url, "robot", whose)}
    borrowed = Program(token=token(issuer, sub=whose, scope="connections:borrow")).post(
        f"/connections/{connection.uuid}/token"
    )
    assert borrowed.status_code == 200
    assert program_of(None, client_id="robot").get("/connections").json()["data"] == []


@pytest.mark.requirement(134, 145)
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"issuer": "https://not-trusted.example"}, "Select a valid choice"),
        ({"client_id": ""}, "This field is required"),
        ({"client_id": " robot"}, "without spaces"),
        ({"subject": "a\u202eb"}, "on one line"),
    ],
)
def test_an_operator_opens_nothing_to_whom_no_token_can_name(issuer: Issuer, changes: Any, why: str) -> None:
    page = open_to_client(**{"issuer": issuer.url, "registration": make_registration(), **changes})
    assert page.status_code == 200 and why in page.content.decode()
    assert not Allowance.objects.exists()


@pytest.mark.usefixtures("one_minute")
def test_callers_for_two_subjects_have_a_quota_each(issuer: Issuer, settings: Settings) -> None:
    settings.HUB_API_REQUESTS_PER_MINUTE = 1
    asked = [Program(token=token(issuer, sub=sub)).get("/me").status_code for sub in ("robot", "a", "b", "a")]
    assert asked == [200, 200, 200, 429]


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


def test_issuer_that_is_slow_holds_one_call_and_no_other(issuer: Issuer) -> None:
    now = datetime.now(UTC)
    trusted, sent = Trusted(), token(issuer, exp=int((now + 2 * KEEP + timedelta(hours=1)).timestamp()))
    trusted.caller(sent, now=now)
    issuer.is_slow = True

    with ThreadPoolExecutor(2) as pool:
        held = pool.submit(trusted.caller, sent, now=now + KEEP)
        try:
            assert issuer.arrived.wait(60)
            assert pool.submit(trusted.caller, sent, now=now + KEEP).result(timeout=10).borrower.client_id == "robot"
            assert not held.done()
        finally:
            issuer.released.set()
    assert held.result().borrower.client_id == "robot"
