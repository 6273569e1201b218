"""The fake provider is itself held to the RFCs: a test that leans on it must not lean on a mistake."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import requests
from joserfc import jwt

from tests.fakes.authorization_server import AuthorizationPageError
from tests.fakes.bare_client import REDIRECT_URI, BareClient
from tests.fakes.conduct import Rotation


def test_the_authorization_response_carries_code_state_and_iss(hub: BareClient) -> None:
    pairs = dict(hub.server.authorize(hub.authorization_url(), account="bob"))

    assert pairs["state"] == "s"
    assert pairs["iss"] == hub.server.origin
    assert pairs["code"].startswith("code-")


def test_a_foreign_redirect_uri_gets_a_page_and_no_redirect(hub: BareClient) -> None:
    with pytest.raises(AuthorizationPageError):
        hub.server.authorize(hub.authorization_url(redirect_uri=REDIRECT_URI + "x"))


def test_a_person_may_deny(hub: BareClient) -> None:
    pairs = dict(hub.server.authorize(hub.authorization_url(), error="access_denied"))

    assert pairs["error"] == "access_denied"
    assert "code" not in pairs


@pytest.mark.parametrize("changes", [{"code_challenge": ""}, {"code_challenge_method": "plain"}])
def test_pkce_with_s256_is_required(hub: BareClient, changes: dict[str, str]) -> None:
    pairs = dict(hub.server.authorize(hub.authorization_url(**changes)))

    assert pairs["error"] == "invalid_request"


def test_a_code_buys_tokens_of_the_account(hub: BareClient) -> None:
    document = hub.exchange().json()

    assert set(document) == {
        "access_token", "token_type", "expires_in", "refresh_token", "scope", "id_token"
    }  # fmt: skip
    claims = jwt.decode(document["id_token"], hub.key_set()).claims
    assert (claims["iss"], claims["sub"], claims["nonce"]) == (hub.server.origin, "sub-alice", "n")


@pytest.mark.parametrize(
    "changes", [{"code_verifier": "w" * 43}, {"redirect_uri": REDIRECT_URI + "?x"}, {"code": "code-unknown"}]
)
def test_a_code_is_bound_to_verifier_and_redirect_uri(hub: BareClient, changes: dict[str, str]) -> None:
    answer = hub.exchange(**changes)

    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_grant"})


def test_a_code_used_twice_revokes_what_it_gave(hub: BareClient) -> None:
    code = dict(hub.server.authorize(hub.authorization_url()))["code"]

    first = hub.redeem(code)
    second = hub.redeem(code)

    assert second.status_code == 400
    assert hub.server.memory.codes_replayed == 1
    assert not hub.server.is_active(first.json()["access_token"])


@pytest.mark.parametrize("auth", [("hub", "wrong"), ("nobody", "secret")])
def test_a_wrong_client_is_refused(hub: BareClient, auth: tuple[str, str]) -> None:
    answer = hub.refresh("x", auth=auth)

    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


def test_a_client_authenticates_by_its_own_method_only(hub: BareClient) -> None:
    hub.server.add_client(REDIRECT_URI, client_secret="secret", token_endpoint_auth_method="client_secret_post")

    by_header = hub.refresh("x")
    by_form = requests.post(
        hub.server.endpoint("token"),
        data={"client_id": "hub", "client_secret": "secret", "grant_type": "refresh_token"},
        timeout=30,
    )

    assert by_header.json() == {"error": "invalid_client"}
    assert by_form.json() == {"error": "invalid_grant"}


def test_reuse_of_a_rotated_refresh_token_revokes_the_family(hub: BareClient) -> None:
    old = hub.exchange().json()["refresh_token"]
    new = hub.refresh(old).json()["refresh_token"]

    reused = hub.refresh(old)

    assert reused.json() == {"error": "invalid_grant"}
    assert hub.server.memory.reuses_detected == 1
    assert not hub.server.is_active(new)


def test_without_rotation_the_refresh_token_is_not_repeated(hub: BareClient) -> None:
    hub.server.conduct.rotation = Rotation.NEVER
    token = hub.exchange().json()["refresh_token"]

    answers = [hub.refresh(token).json() for _ in range(2)]

    assert all("refresh_token" not in answer for answer in answers)


def test_grace_covers_only_the_immediately_preceding_token(hub: BareClient) -> None:
    hub.server.conduct.rotation = Rotation.GRACE
    first = hub.exchange().json()["refresh_token"]
    second = hub.refresh(first).json()["refresh_token"]

    assert hub.refresh(first).status_code == 200
    assert hub.refresh(second).status_code == 200
    assert hub.refresh(first).status_code == 400


def test_a_refresh_may_narrow_scope_and_never_widen_it(hub: BareClient) -> None:
    token = hub.exchange().json()["refresh_token"]

    narrowed = hub.refresh(token, scope="openid").json()
    widened = hub.refresh(narrowed["refresh_token"], scope="openid notes:write")

    assert narrowed["scope"] == "openid"
    assert widened.json() == {"error": "invalid_scope"}


def test_the_api_wants_a_living_token_with_its_scope(hub: BareClient) -> None:
    token = hub.exchange().json()["access_token"]

    assert hub.call("GET", token, path="/api/notes").status_code == 200
    assert hub.call("POST", token, path="/api/notes").status_code == 403
    hub.server.conduct.clock_skew = timedelta(hours=2)
    assert hub.call("GET", token, path="/api/notes").status_code == 401


def test_revocation_ends_the_grant_and_takes_any_token(hub: BareClient) -> None:
    tokens = hub.exchange().json()

    answers = [
        requests.post(hub.server.endpoint("revoke"), data={"token": token}, auth=("hub", "secret"), timeout=30)
        for token in (tokens["refresh_token"], tokens["refresh_token"], "unknown")
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert not hub.server.is_active(tokens["access_token"])


def test_keys_rotate(hub: BareClient) -> None:
    before = hub.key_set().as_dict()

    hub.server.keys.rotate()

    assert hub.key_set().as_dict() != before


def test_the_request_log_has_form_and_headers(hub: BareClient) -> None:
    hub.refresh("nothing")

    (entry,) = hub.server.refreshes()
    assert entry.form["refresh_token"] == "nothing"
    assert entry.headers["authorization"].startswith("Basic ")


def test_one_of_many_parallel_refreshes_wins(hub: BareClient) -> None:
    token = hub.exchange().json()["refresh_token"]

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: hub.refresh(token).status_code, range(16)))

    assert answers.count(200) == 1
    assert hub.server.memory.reuses_detected == 1
