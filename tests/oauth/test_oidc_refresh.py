"""OpenID Connect Core §12.2: an ID token that comes with a refresh."""

from dataclasses import replace
from typing import Any

import pytest

from integrations.oauth.errors import IdentityRefused
from integrations.oauth.id_token import PreviousIdentity, remembered
from tests.oauth.judging import validated
from tests.oauth.making import ISSUER
from tests.oauth.signing import CLIENT_ID, NONCE, SECONDS, claims, sign

BEFORE = PreviousIdentity(
    issuer=ISSUER, subject="24400320", audience=frozenset({CLIENT_ID}), nonce=NONCE, auth_time=SECONDS - 5
)


def refreshed(previous: PreviousIdentity = BEFORE, **changes: Any) -> str:
    return validated(sign(claims(**changes)), nonce=None, previous=previous).subject


@pytest.mark.parametrize("changes", [{}, {"nonce": None}, {"auth_time": None}, {"iat": SECONDS - 1}])
def test_the_same_identity_is_accepted(changes: dict[str, Any]) -> None:
    assert refreshed(**changes) == "24400320"


@pytest.mark.requirement(57)
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sub": "24400321"}, "sub_mismatch"),
        ({"sub": None}, "sub_missing"),
        ({"iss": "https://evil.example"}, "iss"),
        ({"aud": "another"}, "aud"),
        ({"nonce": "another"}, "nonce"),
        ({"auth_time": SECONDS}, "auth_time"),
        ({"exp": SECONDS - 60}, "exp"),
    ],
)
def test_another_identity_is_refused(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(IdentityRefused) as caught:
        refreshed(**changes)

    assert caught.value.code == code


@pytest.mark.requirement(57)
def test_the_issuer_and_audience_are_compared_with_those_before() -> None:
    with pytest.raises(IdentityRefused) as other_issuer:
        refreshed(replace(BEFORE, issuer="https://before.example"))
    with pytest.raises(IdentityRefused) as other_audience:
        refreshed(replace(BEFORE, audience=frozenset({CLIENT_ID, "api"})))

    assert (other_issuer.value.code, other_audience.value.code) == ("iss", "aud")


def test_what_was_said_before_is_read_back_from_the_stored_token() -> None:
    stored = sign(claims())

    assert remembered(stored, issuer=ISSUER, subject="24400320") == BEFORE
    assert remembered(None, issuer=ISSUER, subject="1") == PreviousIdentity(issuer=ISSUER, subject="1")
