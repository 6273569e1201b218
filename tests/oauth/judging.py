"""Judge ID tokens and token responses as the client does, with keyword defaults."""

from typing import Any

import pytest

from integrations.oauth.errors import IdentityRefused, OAuthError, Remedy
from integrations.oauth.id_token import Claims, validate
from integrations.oauth.jws import KeySource
from integrations.oauth.message import Response
from integrations.oauth.server import Dialect
from integrations.oauth.token import TokenResponse, parse
from tests.oauth.making import ISSUER, make_response
from tests.oauth.signing import ACCESS_TOKEN, CLIENT_ID, NONCE, NOW, FixedKeys, rsa

LEEWAY = 30
GOOD: dict[str, Any] = {"access_token": "at-canary-1", "token_type": "Bearer"}


def validated(token: str, *, jwks: KeySource | None = None, **changes: Any) -> Claims:
    expected: dict[str, Any] = {
        "issuer": ISSUER,
        "client_id": CLIENT_ID,
        "algorithms": {"RS256"},
        "nonce": NONCE,
        "access_token": ACCESS_TOKEN,
        "now": NOW,
        "leeway_seconds": LEEWAY,
    }
    return validate(token, jwks=jwks or FixedKeys([rsa()]), **{**expected, **changes})


def refused(token: str, **changes: Any) -> str:
    with pytest.raises(IdentityRefused) as caught:
        validated(token, **changes)
    assert caught.value.remedy is Remedy.REAUTHORIZE
    return caught.value.code


def judged(body: object = None, *, dialect: Dialect | None = None, **options: Any) -> TokenResponse:
    return parse(make_response(GOOD if body is None else body, **options), dialect=dialect or Dialect())


def refusal(response: Response, *, dialect: Dialect | None = None) -> OAuthError:
    with pytest.raises(OAuthError) as caught:
        parse(response, dialect=dialect or Dialect())
    return caught.value
