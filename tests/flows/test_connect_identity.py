"""Which account is it? Issuer and subject, letter by letter; never an address, never another one."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from integrations.models import AuthorizationRequest, Connection
from integrations.oauth.errors import DiscoveryRefused, IdentityRefused, OAuthError
from tests.fakes.registration import register_oidc
from tests.flows.journey import Journey, fresh, stored_tokens


@pytest.mark.requirement(22)
@pytest.mark.parametrize("features", [(), ("notes.read",)], ids=["reconnect", "upgrade"])
def test_another_account_never_takes_a_connections_place(journey: Journey, features: tuple[str, ...]) -> None:
    connection = journey.connect(account="alice")
    before = stored_tokens(connection)

    with pytest.raises(OAuthError, match="other_account"):
        journey.connect(*features, account="bob", connection=connection)

    after = fresh(connection)
    assert (after.subject, after.version) == ("sub-alice", connection.version)
    assert stored_tokens(connection) == before
    assert Connection.objects.count() == 1


@pytest.mark.requirement(22, 23)
def test_subjects_that_differ_in_case_are_two_accounts(journey: Journey) -> None:
    journey.server.add_account("upper", subject="ACCOUNT", email="same@example.test")
    journey.server.add_account("lower", subject="account", email="same@example.test")

    upper = journey.connect(account="upper")
    lower = journey.connect(account="lower")

    assert upper.pk != lower.pk
    with pytest.raises(OAuthError, match="other_account"):
        journey.connect(account="lower", connection=upper)


@pytest.mark.requirement(23)
def test_a_reused_address_does_not_make_two_accounts_one(oidc_journey: Journey) -> None:
    oidc_journey.server.add_account("first", subject="1", email="same@example.test")
    oidc_journey.server.add_account("second", subject="2", email="same@example.test")

    oidc_journey.server.conduct.userinfo_claims = {"preferred_username": "same"}

    first, second = oidc_journey.connect(account="first"), oidc_journey.connect(account="second")

    assert first.account_label == second.account_label == "same"
    assert first.pk != second.pk


@pytest.mark.requirement(22, 23)
def test_the_same_subject_of_another_issuer_is_another_account(journey: Journey) -> None:
    elsewhere = journey.connect()
    Connection.objects.update(issuer="https://elsewhere.example.test")

    with pytest.raises(OAuthError, match="other_account"):
        journey.connect(connection=fresh(elsewhere))

    assert journey.connect().pk != elsewhere.pk
    assert fresh(elsewhere).version == elsewhere.version


@pytest.mark.requirement(14)
@pytest.mark.parametrize("error", ["", "access_denied"], ids=["success", "error"])
@pytest.mark.parametrize(("iss", "code"), [(None, "iss_missing"), ("https://elsewhere.test", "iss_mismatch")])
def test_what_the_metadata_promised_of_iss_is_remembered(
    oidc_journey: Journey, iss: str | None, code: str, error: str
) -> None:
    oidc_journey.server.conduct.iss = iss
    pairs = oidc_journey.server.authorize(oidc_journey.begin(), error=error)

    with pytest.raises(OAuthError, match=code):
        oidc_journey.complete(pairs)

    assert not oidc_journey.server.requests("token")


@pytest.mark.requirement(56)
@pytest.mark.parametrize("subject", [None, ""])
def test_an_account_without_a_subject_is_refused(journey: Journey, subject: str | None) -> None:
    journey.server.conduct.userinfo_claims = {"sub": subject}

    with pytest.raises(IdentityRefused):
        journey.connect()

    assert not Connection.objects.exists()


@pytest.mark.requirement(56)
@pytest.mark.parametrize(
    ("id_token", "userinfo"),
    [({"sub": None}, {}), ({"sub": ""}, {}), ({}, {"sub": "sub-bob"}), ({}, {"sub": None})],
    ids=["no sub", "empty sub", "userinfo of another", "userinfo of nobody"],
)
def test_id_token_and_userinfo_name_one_account(
    oidc_journey: Journey, id_token: dict[str, str | None], userinfo: dict[str, str | None]
) -> None:
    oidc_journey.server.conduct.id_token_claims = id_token
    oidc_journey.server.conduct.userinfo_claims = userinfo

    with pytest.raises(IdentityRefused):
        oidc_journey.connect("profile")

    assert not Connection.objects.exists()


@pytest.mark.requirement(56)
@pytest.mark.parametrize(
    "lie",
    [{"iss": "https://elsewhere.test"}, {"aud": "another client"}, {"nonce": "another"}, {"nonce": None}],
    ids=["issuer", "audience", "nonce", "no nonce"],
)
def test_an_id_token_of_another_issuer_client_or_attempt_is_refused(
    oidc_journey: Journey, lie: dict[str, str | None]
) -> None:
    oidc_journey.server.conduct.id_token_claims = lie

    with pytest.raises(IdentityRefused):
        oidc_journey.connect()

    assert not Connection.objects.exists()


def test_keys_may_rotate_between_two_connections(oidc_journey: Journey) -> None:
    oidc_journey.connect(account="alice")

    oidc_journey.server.keys.rotate()
    oidc_journey.clock.advance(minutes=5)

    assert oidc_journey.connect(account="bob").subject == "sub-bob"


@pytest.mark.requirement(29)
@pytest.mark.parametrize("methods", [("plain",), ()])
def test_a_provider_without_s256_is_not_connected(oidc_journey: Journey, methods: tuple[str, ...]) -> None:
    oidc_journey.server.conduct.code_challenge_methods = methods

    with pytest.raises(DiscoveryRefused):
        oidc_journey.registration = register_oidc(oidc_journey.server, clock=oidc_journey.clock, slug="downgraded")
        oidc_journey.begin()

    assert not AuthorizationRequest.objects.exists()


@pytest.mark.requirement(29, 54)
def test_without_pkce_by_an_operators_decision_state_and_nonce_are_left(oidc_journey: Journey) -> None:
    oidc_journey.server.conduct.code_challenge_methods = ()
    oidc_journey.server.conduct.require_pkce = False
    registration = register_oidc(oidc_journey.server, clock=oidc_journey.clock, slug="without")
    registration.without_pkce = True
    registration.save()
    excepted = replace(oidc_journey, registration=registration)

    url = excepted.begin()

    assert "code_challenge" not in url
    assert {"state", "nonce"} <= parse_qs(urlsplit(url).query).keys()
    assert excepted.complete(excepted.server.authorize(url)).created
    oidc_journey.server.conduct.id_token_claims = {"nonce": "another"}
    with pytest.raises(IdentityRefused):
        excepted.connect()
