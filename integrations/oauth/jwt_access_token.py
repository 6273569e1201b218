"""JWT access tokens at a resource server (RFC 9068): whether a token lets its bearer in here, and what it says.

`JwtVerifier` needs an issuer's keys and a clock, and nothing else of this application:

    keys = JwksCache(Transport(policy=…)).at(discover_jwks_uri(issuer, transport))
    verifier = JwtVerifier(issuer=issuer, audience="https://api.example", jwks=keys)
    claims = verifier.verify(token, now=datetime.now(UTC))
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from integrations.oauth import jws
from integrations.oauth.errors import AccessTokenRefused
from integrations.oauth.message import Json

# RFC 9068 §2.1; §4 lets the media type be written in full.
TYPES = frozenset({"at+jwt", "application/at+jwt"})
LEEWAY = timedelta(seconds=60)
#: Claims that must be there (§2.2), with the time claims, which are read apart.
REQUIRED = ("sub", "client_id", "jti")


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessTokenClaims:
    """What a valid access token says."""

    issuer: str
    subject: str
    client_id: str
    jti: str
    scope: frozenset[str]
    expires_at: datetime
    all: Mapping[str, Json] = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class JwtVerifier:
    """Verify one issuer's access tokens for one audience. Shared by threads.

    `algorithms` can only narrow what is accepted at all: no `none`, no shared secrets.
    """

    issuer: str
    audience: str
    jwks: jws.KeySource = field(repr=False)
    algorithms: frozenset[str] = jws.ALGORITHMS
    leeway: timedelta = LEEWAY

    def verify(self, token: str, *, now: datetime) -> AccessTokenClaims:
        """Check a token as §4 says, the signature before any claim.

        Raises:
            AccessTokenRefused: 401, invalid_token.
            ProviderUnavailable: the issuer's keys are not to be had. Later.
        """
        header, _ = _segments(token)
        self._check_header(header)
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in self.algorithms & jws.ALGORITHMS:
            raise AccessTokenRefused("It is signed by an algorithm that is not allowed.", code="algorithm")
        if not jws.is_signed(token, header, algorithm=algorithm, jwks=self.jwks, now=now):
            raise AccessTokenRefused("No key of its issuer made this signature.", code="signature")
        return self._read(_segments(token)[1], now=now)

    def _check_header(self, header: Mapping[str, Json]) -> None:
        if not jws.REFUSED_HEADERS.isdisjoint(header):
            raise AccessTokenRefused("Its header has what it must not have.", code="header")
        kind = header.get("typ")
        if not isinstance(kind, str) or kind.lower() not in TYPES:
            raise AccessTokenRefused("It is not an access token.", code="token_kind")

    def _read(self, claims: Mapping[str, Json], *, now: datetime) -> AccessTokenClaims:
        if claims.get("iss") != self.issuer:
            raise AccessTokenRefused("It is of another issuer.", code="iss")
        audience = claims.get("aud")
        if self.audience not in (audience if isinstance(audience, list) else [audience]):
            raise AccessTokenRefused("It is for another audience.", code="aud")
        if "cnf" in claims:
            # RFC 7800: it is good only with a proof of possession, which a bearer does not send.
            raise AccessTokenRefused("It is bound to a key.", code="bound")
        subject, client_id, jti = (_text(claims, name) for name in REQUIRED)
        return AccessTokenClaims(
            issuer=self.issuer,
            subject=subject,
            client_id=client_id,
            jti=jti,
            scope=_scope(claims),
            expires_at=self._expiry(claims, now=now),
            all=claims,
        )

    def _expiry(self, claims: Mapping[str, Json], *, now: datetime) -> datetime:
        moment, leeway = now.timestamp(), self.leeway.total_seconds()
        expires, issued = jws.seconds(claims.get("exp")), jws.seconds(claims.get("iat"))
        not_before = jws.seconds(claims.get("nbf", 0))
        if expires is None or moment >= expires + leeway:
            raise AccessTokenRefused("It has expired, or does not say when it does.", code="exp")
        if issued is None or issued > moment + leeway:
            raise AccessTokenRefused("It is from the future, or does not say when it is from.", code="iat")
        if not_before is None or not_before > moment + leeway:
            raise AccessTokenRefused("It is not valid yet.", code="nbf")
        try:
            return datetime.fromtimestamp(expires, tz=now.tzinfo)
        except (ValueError, OverflowError, OSError):
            raise AccessTokenRefused("It never expires.", code="exp") from None


def issuer_of(token: str) -> str | None:
    """Who a token says it is of, unverified: to find the verifier that can tell. None: it is no JWT, or of nobody."""
    try:
        issuer = jws.segments(token)[1].get("iss")
    except ValueError:
        return None
    return issuer if isinstance(issuer, str) else None


def _segments(token: str) -> tuple[dict[str, Json], dict[str, Json]]:
    try:
        return jws.segments(token)
    except ValueError:
        raise AccessTokenRefused("It is not a signed JWT.", code="malformed") from None


def _text(claims: Mapping[str, Json], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value or not value.isprintable():
        raise AccessTokenRefused(f"It has no {name}.", code="claims")
    return value


def _scope(claims: Mapping[str, Json]) -> frozenset[str]:
    """The `scope` claim (§2.2.3): one string, space-separated; none: no scope."""
    value = claims.get("scope", "")
    if not isinstance(value, str):
        raise AccessTokenRefused("Its scope is not a text.", code="claims")
    return frozenset(value.split())
