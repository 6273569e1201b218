"""OpenID Connect Core §3.1.3.7 (6-8), RFC 7515, RFC 8725: who signed an ID token, how, and what it is."""

import base64
import hmac
import json
from typing import Any

import pytest
from joserfc.jwk import Key

from integrations.oauth.jws import ALGORITHMS
from tests.oauth.judging import refused, validated
from tests.oauth.signing import (
    FixedKeys,
    claims,
    ec,
    okp,
    rsa,
    sign,
)


# RFC 9864 renames EdDSA; providers still sign by the old name.
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.requirement(51)
@pytest.mark.parametrize(
    ("alg", "key"),
    [
        ("RS256", rsa()),
        ("RS512", rsa()),
        ("PS256", rsa()),
        ("ES256", ec()),
        ("ES384", ec("ec-2", "P-384")),
        ("EdDSA", okp()),
        ("Ed25519", okp()),
    ],
)
def test_each_allowed_algorithm_is_verified(alg: str, key: Key) -> None:
    token = sign(claims(), key=key, alg=alg)
    changed = token[:-8] + ("A" if token[-8] != "A" else "B") + token[-7:]

    assert validated(token, jwks=FixedKeys([key]), algorithms={alg}).subject == "24400320"
    assert refused(changed, jwks=FixedKeys([key]), algorithms={alg}) == "signature"


@pytest.mark.requirement(51)
def test_an_algorithm_that_the_server_did_not_name_is_refused() -> None:
    assert refused(sign(claims(), alg="RS512")) == "algorithm"
    assert refused(sign(claims(), alg="RS256"), algorithms=set()) == "algorithm"


@pytest.mark.requirement(51)
@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", None, 5, ["RS256"]])
def test_an_unsigned_token_is_refused_even_if_the_server_offers_it(alg: object) -> None:
    header = base64.urlsafe_b64encode(json.dumps({"alg": alg}).encode()).rstrip(b"=").decode()
    payload = sign(claims()).split(".")[1]

    for signature in ("", "AAAA"):
        assert refused(f"{header}.{payload}.{signature}", algorithms={"none", "RS256"}) == "algorithm"


@pytest.mark.requirement(51)
def test_a_mac_keyed_with_the_public_key_or_the_client_secret_is_refused() -> None:
    header = base64.urlsafe_b64encode(b'{"alg": "HS256", "kid": "rsa-1"}').rstrip(b"=").decode()
    signed = f"{header}.{sign(claims()).split('.')[1]}"

    for secret in (rsa().as_pem(private=False), b"gX1fBat3bV"):
        mac = hmac.digest(secret, signed.encode(), "sha256")
        signature = base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
        assert refused(f"{signed}.{signature}", algorithms={"HS256", "RS256"}) == "algorithm"


@pytest.mark.requirement(51)
@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
def test_a_key_that_the_token_brings_is_refused(name: str) -> None:
    attacker = rsa("attacker")
    value = {"jwk": attacker.as_dict(private=False), "x5c": ["AAAA"]}.get(name, "https://evil.example/keys")

    assert refused(sign(claims(), key=attacker, kid=rsa().kid, headers={name: value})) == "header"
    assert refused(sign(claims(), headers={name: value})) == "header"


@pytest.mark.requirement(52)
@pytest.mark.parametrize("crit", [["exp"], ["b64"], [], "exp", ["unknown"]])
def test_critical_extensions_are_refused(crit: object) -> None:
    assert refused(sign(claims(), headers={"crit": crit, "exp": 1, "unknown": 1})) == "header"


@pytest.mark.requirement(59)
def test_without_kid_one_fitting_key_is_enough_and_several_are_tried() -> None:
    without = sign(claims(), kid=None)

    assert validated(without).subject == "24400320"
    assert validated(without, jwks=FixedKeys([ec(), rsa("rsa-2"), okp(), rsa()])).subject == "24400320"
    assert refused(without, jwks=FixedKeys([ec(), rsa("rsa-2"), okp()])) == "signature"


@pytest.mark.requirement(59)
def test_a_key_is_used_only_under_its_kid_type_and_algorithm() -> None:
    assert refused(sign(claims(), kid="rsa-2")) == "signature"
    bound = type(rsa()).import_key({**rsa().as_dict(private=False), "alg": "RS512"})
    assert refused(sign(claims()), jwks=FixedKeys([bound])) == "signature"


@pytest.mark.requirement(58)
def test_keys_are_looked_at_once_more_after_a_rotation() -> None:
    new = rsa("rsa-2")
    rotated = FixedKeys([rsa()], after=[rsa(), new])
    replaced = FixedKeys([rsa()], after=[new])

    assert validated(sign(claims(), key=new), jwks=rotated).subject == "24400320"
    assert validated(sign(claims(), key=new, kid=None), jwks=replaced).subject == "24400320"
    assert (rotated.fetches, replaced.fetches) == (1, 1)


@pytest.mark.requirement(58)
def test_a_known_key_fetches_nothing() -> None:
    known = FixedKeys([rsa()])

    validated(sign(claims()), jwks=known)

    assert known.fetches == 0


@pytest.mark.requirement(62)
@pytest.mark.parametrize(
    "typ",
    ["at+jwt", "AT+JWT", "application/at+jwt", "logout+jwt", "secevent+jwt", "dpop+jwt", "JOSE", 5, None, ["JWT"]],
)
def test_another_kind_of_token_is_refused(typ: object) -> None:
    token = sign(claims(), headers={"typ": typ}) if typ is not None else sign(claims(events={"x": {}}))

    assert refused(token) == "token_kind"


@pytest.mark.requirement(62)
@pytest.mark.parametrize("typ", [None, "JWT", "jwt", "application/jwt"])
def test_a_jwt_by_any_of_its_names_is_an_id_token(typ: str | None) -> None:
    assert validated(sign(claims(), headers={"typ": typ})).subject == "24400320"


@pytest.mark.requirement(62)
def test_a_logout_token_is_refused_by_its_events() -> None:
    events: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}

    assert refused(sign(claims(events=events))) == "token_kind"


@pytest.mark.parametrize(
    "token",
    ["", "a", "a.b", "a.b.c", "a.b.c.d.e", "....", sign(b"[]"), sign(b"x"), sign(b'{"sub": 1, "sub": 2}'), "é.b.c"],
)
def test_what_is_no_signed_jwt_is_refused(token: str) -> None:
    assert refused(token) == "malformed"


def test_an_oversized_token_is_refused() -> None:
    assert refused(sign(claims(padding="x" * 70_000))) == "malformed"


def test_the_list_of_algorithms_has_no_mac_and_no_none() -> None:
    assert not any(name.lower() == "none" or name.startswith("HS") for name in ALGORITHMS)
