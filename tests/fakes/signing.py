"""The fake provider's keys and id_tokens (OpenID Connect Core §2, §10.1.1)."""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from tests.fakes.conduct import Conduct
from tests.fakes.grants import Grant, IssuedAccessToken


class SigningKeys:
    """The key in use; `rotate` replaces it, and the old one is not published any more."""

    def __init__(self) -> None:
        self._number = 0

    def rotate(self) -> None:
        self._number += 1

    def published(self) -> Mapping[str, Any]:
        """The JWKS document: the key in use only."""
        return KeySet([_key(self._number)]).as_dict(private=False)

    def sign(self, claims: Mapping[str, Any]) -> str:
        key = _key(self._number)
        return jwt.encode({"alg": "RS256", "kid": key.kid}, dict(claims), key)


@cache
def _key(number: int) -> RSAKey:
    return RSAKey.generate_key(2048, parameters={"kid": f"key-{number}", "use": "sig", "alg": "RS256"})


def id_token_claims(
    grant: Grant, *, issuer: str, token: IssuedAccessToken, conduct: Conduct, issued_at: int
) -> dict[str, Any]:
    """The claims of an id_token for this grant, with the lies that the conduct asks for."""
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": grant.account.subject,
        "aud": grant.client_id,
        "iat": issued_at,
        "exp": issued_at + 600,
        "auth_time": int(grant.authenticated_at.timestamp()),
        "at_hash": _at_hash(token.value),
        "name": grant.account.name,
        "email": grant.account.email,
        "nonce": grant.nonce,
    }
    claims |= conduct.id_token_claims
    return {name: value for name, value in claims.items() if value is not None}


def _at_hash(access_token: str) -> str:
    digest = hashlib.sha256(access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()
