"""JWT access tokens (RFC 9068 §2, §4), signed with joserfc in every way that must not be accepted."""

import json
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import Key, OctKey

from integrations.oauth.errors import AccessTokenRefused
from integrations.oauth.jws import ALGORITHMS
from integrations.oauth.jwt_access_token import JwtVerifier, issuer_of
from tests.oauth.making import ISSUER
from tests.oauth.signing import NOW, SECONDS, FixedKeys, ec, okp, rsa, sign

AUDIENCE = "https://hub.example/api/v1"


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of §2.2; a change to None leaves the claim out."""
    whole: dict[str, Any] = {
        "iss": ISSUER,
        "sub": "5ba552d67",
        "aud": AUDIENCE,
        "exp": SECONDS + 600,
        "iat": SECONDS,
        "jti": "dbe39bf3a3ba4238a513f51d6e1691c4",
        "client_id": "s6BhdRkqt3",
        "scope": "connections:read profile",
    }
    return {name: value for name, value in {**whole, **changes}.items() if value is not None}


def token(*, headers: dict[str, Any] | None = None, key: Key | None = None, alg: str = "RS256", **changes: Any) -> str:
    return sign(claims(**changes), key=key, alg=alg, headers={"typ": "at+jwt", **(headers or {})})


def verifier(*keys: Key, **options: Any) -> JwtVerifier:
    return JwtVerifier(issuer=ISSUER, audience=AUDIENCE, jwks=FixedKeys(keys or (rsa(),)), **options)


def refusal(sent: str, judge: JwtVerifier | None = None) -> str:
    with pytest.raises(AccessTokenRefused) as refused:
        (judge or verifier()).verify(sent, now=NOW)
    return refused.value.code


@pytest.mark.parametrize("typ", ["at+jwt", "application/at+jwt", "AT+JWT"])
@pytest.mark.parametrize("aud", [AUDIENCE, [AUDIENCE], ["https://other.example", AUDIENCE]])
def test_token_as_it_should_be(typ: str, aud: object) -> None:
    found = verifier().verify(token(headers={"typ": typ}, aud=aud), now=NOW)
    assert (found.issuer, found.subject, found.client_id) == (ISSUER, "5ba552d67", "s6BhdRkqt3")
    assert found.scope == {"connections:read", "profile"}
    assert found.expires_at == NOW + timedelta(seconds=600)


# RFC 9864 renames EdDSA; servers still sign by the old name.
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize(("alg", "key"), [("ES256", ec()), ("EdDSA", okp()), ("PS512", rsa())])
def test_other_algorithms(alg: str, key: Key) -> None:
    assert verifier(key).verify(token(key=key, alg=alg), now=NOW).subject == "5ba552d67"


@pytest.mark.requirement(62)
@pytest.mark.requirement(146)
@pytest.mark.parametrize("typ", [None, "", "JWT", "jwt", "id_token+jwt", "logout+jwt", "secevent+jwt", "dpop+jwt", 1])
def test_other_kinds_of_token_are_none(typ: object) -> None:
    assert refusal(token(headers={"typ": typ})) == "token_kind"


@pytest.mark.requirement(146)
def test_id_token_is_no_access_token() -> None:
    id_token = jwt.encode({"alg": "RS256", "kid": rsa().kid}, claims(nonce="n"), rsa())
    assert refusal(id_token) == "token_kind"


@pytest.mark.requirement(146)
@pytest.mark.parametrize("alg", ["none", "HS256"])
def test_algorithm_that_anybody_can_use(alg: str) -> None:
    public = OctKey.import_key(json.dumps(rsa().as_dict(private=False)))
    assert refusal(token(key=public, alg=alg)) == "algorithm"
    assert refusal(token(key=public, alg=alg), verifier(algorithms=frozenset({alg}))) == "algorithm"


@pytest.mark.requirement(146)
def test_algorithms_can_be_narrowed() -> None:
    assert refusal(token(), verifier(algorithms=ALGORITHMS - {"RS256"})) == "algorithm"


@pytest.mark.requirement(146)
@pytest.mark.parametrize(
    "headers",
    [{"crit": ["exp"]}, {"jwk": rsa().as_dict(private=False)}, {"jku": "https://evil.example"}, {"x5c": []}],
)
def test_header_that_must_not_be_there(headers: dict[str, Any]) -> None:
    assert refusal(token(headers=headers)) == "header"


@pytest.mark.requirement(146)
def test_signature_of_another_key() -> None:
    assert refusal(token(key=rsa("rsa-2"))) == "signature"
    head, _, signature = token().split(".")
    other = token(sub="another").split(".")[1]
    assert refusal(f"{head}.{other}.{signature}") == "signature"
    assert refusal(f"{head}.{other}.") == "signature"


def test_key_that_is_new_is_fetched_once() -> None:
    keys = FixedKeys([rsa()], [rsa(), rsa("rsa-2")])
    judge = JwtVerifier(issuer=ISSUER, audience=AUDIENCE, jwks=keys)
    judge.verify(token(key=rsa("rsa-2")), now=NOW)
    assert keys.fetches == 1


@pytest.mark.requirement(123)
@pytest.mark.requirement(146)
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"iss": f"{ISSUER}/"}, "iss"),
        ({"iss": None}, "iss"),
        ({"iss": [ISSUER]}, "iss"),
        ({"aud": None}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": f"{AUDIENCE}/"}, "aud"),
        ({"aud": {AUDIENCE: 1}}, "aud"),
        ({"exp": None}, "exp"),
        ({"exp": SECONDS - 61}, "exp"),
        ({"exp": str(SECONDS + 600)}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": 10**30}, "exp"),
        ({"iat": None}, "iat"),
        ({"iat": SECONDS + 61}, "iat"),
        ({"nbf": SECONDS + 61}, "nbf"),
        ({"nbf": "soon"}, "nbf"),
        ({"sub": None}, "claims"),
        ({"sub": ""}, "claims"),
        ({"client_id": None}, "claims"),
        ({"client_id": "a\u202eb"}, "claims"),
        ({"client_id": 7}, "claims"),
        ({"jti": None}, "claims"),
        ({"scope": ["profile"]}, "claims"),
        ({"cnf": {"jkt": "thumbprint"}}, "bound"),
    ],
)
def test_claim_that_is_wrong_or_missing(changes: dict[str, Any], code: str) -> None:
    sent = sign({**claims(), **changes} if changes != {"exp": None} else claims(exp=None), headers={"typ": "at+jwt"})
    assert refusal(sent) == code


def test_clocks_may_differ_by_the_leeway() -> None:
    sent = token(exp=SECONDS - 59, iat=SECONDS + 59, nbf=SECONDS + 59)
    assert verifier().verify(sent, now=NOW).scope == {"connections:read", "profile"}
    assert refusal(sent, verifier(leeway=timedelta(0))) == "exp"


def test_no_scope_claim_is_no_scope() -> None:
    assert verifier().verify(token(scope=None), now=NOW).scope == frozenset()


@pytest.mark.parametrize("sent", ["", "a.b.c", "..", "a.b", "é.é.é", "x" * 70_000, f"{'[' * 20_000}.e.e"])
def test_what_is_no_token(sent: str) -> None:
    assert refusal(sent) == "malformed"
    assert issuer_of(sent) is None


def test_issuer_is_found_without_belief() -> None:
    assert issuer_of(token()) == ISSUER
    assert issuer_of(sign(claims(iss=7))) is None
