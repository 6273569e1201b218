"""OpenID Connect Core §3.1.3.7: ID token validation."""

import base64
import hmac
import json
from typing import Any

import pytest
from joserfc.jwk import Key

from integrations.oauth.errors import IdentityRefused, Remedy
from integrations.oauth.id_token import ALGORITHMS, Claims, KeySource, validate
from tests.oauth.making import ISSUER
from tests.oauth.signing import (
    ACCESS_TOKEN,
    CLIENT_ID,
    NONCE,
    NOW,
    SECONDS,
    FixedKeys,
    at_hash,
    claims,
    ec,
    okp,
    rsa,
    sign,
)

LEEWAY = 30


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


def refusal(token: str, **changes: Any) -> str:
    with pytest.raises(IdentityRefused) as caught:
        validated(token, **changes)
    assert caught.value.remedy is Remedy.REAUTHORIZE
    return caught.value.code


def test_a_good_id_token_says_who_it_is() -> None:
    found = validated(sign(claims(name="Jane\u202e Doe", at_hash=at_hash())))

    assert (found.issuer, found.subject, found.audience) == (ISSUER, "24400320", frozenset({CLIENT_ID}))
    assert (found.auth_time, found.texts["name"]) == (SECONDS - 5, "Jane Doe")
    assert NONCE not in repr(found)


@pytest.mark.requirement(48)
@pytest.mark.parametrize("iss", [None, "", "https://evil.example", f"{ISSUER}/", ISSUER.upper(), 7, [ISSUER]])
def test_another_issuer_is_refused(iss: object) -> None:
    assert refusal(sign(claims(iss=iss))) == "iss"


@pytest.mark.requirement(48)
def test_a_tenant_template_takes_the_tenant_of_the_token_and_nothing_else() -> None:
    template = "https://login.microsoftonline.com/{tenantid}/v2.0"
    tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47"
    issuer = template.replace("{tenantid}", tenant)

    assert validated(sign(claims(iss=issuer, tid=tenant)), issuer=template).issuer == issuer
    for tid in (None, "common", "72F988BF", "evil.example/72f988bf-86f1-41af-91ab-2d7cd011db47", 5):
        assert refusal(sign(claims(iss=issuer, tid=tid)), issuer=template) == "iss"
    assert refusal(sign(claims(iss=template, tid=None)), issuer=template.replace("{tenantid}", tenant)) == "iss"


@pytest.mark.requirement(49)
@pytest.mark.parametrize(
    "aud",
    [None, "", [], {}, 5, "other", ["other"], [CLIENT_ID, "untrusted"], [CLIENT_ID, 5], CLIENT_ID.upper(), [None]],
)
def test_another_audience_is_refused(aud: object) -> None:
    assert refusal(sign(claims(aud=aud, azp=CLIENT_ID))) == "aud"


@pytest.mark.requirement(49)
@pytest.mark.parametrize("aud", [CLIENT_ID, [CLIENT_ID], [CLIENT_ID, CLIENT_ID]])
def test_our_audience_is_accepted_alone(aud: object) -> None:
    assert validated(sign(claims(aud=aud))).audience == {CLIENT_ID}


@pytest.mark.requirement(50)
@pytest.mark.parametrize("azp", ["other", "", 5, [CLIENT_ID]])
def test_an_authorized_party_that_is_not_us_is_refused(azp: object) -> None:
    assert refusal(sign(claims(azp=azp))) == "azp"


@pytest.mark.requirement(50)
def test_several_audiences_need_an_authorized_party() -> None:
    trusted: dict[str, Any] = {"trusted_audiences": frozenset({"api"})}

    assert refusal(sign(claims(aud=[CLIENT_ID, "api"])), **trusted) == "azp"
    assert validated(sign(claims(aud=[CLIENT_ID, "api"], azp=CLIENT_ID)), **trusted).subject == "24400320"


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
    assert refusal(changed, jwks=FixedKeys([key]), algorithms={alg}) == "signature"


@pytest.mark.requirement(51)
def test_an_algorithm_that_the_server_did_not_name_is_refused() -> None:
    assert refusal(sign(claims(), alg="RS512")) == "algorithm"
    assert refusal(sign(claims(), alg="RS256"), algorithms=set()) == "algorithm"


@pytest.mark.requirement(51)
@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", None, 5, ["RS256"]])
def test_an_unsigned_token_is_refused_even_if_the_server_offers_it(alg: object) -> None:
    header = base64.urlsafe_b64encode(json.dumps({"alg": alg}).encode()).rstrip(b"=").decode()
    payload = sign(claims()).split(".")[1]

    for signature in ("", "AAAA"):
        assert refusal(f"{header}.{payload}.{signature}", algorithms={"none", "RS256"}) == "algorithm"


@pytest.mark.requirement(51)
def test_a_mac_keyed_with_the_public_key_or_the_client_secret_is_refused() -> None:
    header = base64.urlsafe_b64encode(b'{"alg": "HS256", "kid": "rsa-1"}').rstrip(b"=").decode()
    signed = f"{header}.{sign(claims()).split('.')[1]}"

    for secret in (rsa().as_pem(private=False), b"gX1fBat3bV"):
        mac = hmac.digest(secret, signed.encode(), "sha256")
        signature = base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
        assert refusal(f"{signed}.{signature}", algorithms={"HS256", "RS256"}) == "algorithm"


@pytest.mark.requirement(51)
@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
def test_a_key_that_the_token_brings_is_refused(name: str) -> None:
    attacker = rsa("attacker")
    value = {"jwk": attacker.as_dict(private=False), "x5c": ["AAAA"]}.get(name, "https://evil.example/keys")

    assert refusal(sign(claims(), key=attacker, kid=rsa().kid, headers={name: value})) == "header"
    assert refusal(sign(claims(), headers={name: value})) == "header"


@pytest.mark.requirement(52)
@pytest.mark.parametrize("crit", [["exp"], ["b64"], [], "exp", ["unknown"]])
def test_critical_extensions_are_refused(crit: object) -> None:
    assert refusal(sign(claims(), headers={"crit": crit, "exp": 1, "unknown": 1})) == "header"


@pytest.mark.requirement(53)
@pytest.mark.parametrize(
    ("late_seconds", "accepted"), [(-1, True), (0, True), (LEEWAY - 1, True), (LEEWAY, False), (LEEWAY + 31, False)]
)
def test_expiry_has_its_leeway_and_no_more(late_seconds: int, accepted: bool) -> None:
    token = sign(claims(exp=SECONDS - late_seconds))

    if accepted:
        assert validated(token).subject == "24400320"
    else:
        assert refusal(token) == "exp"


@pytest.mark.requirement(53)
@pytest.mark.parametrize("name", ["iat", "nbf"])
@pytest.mark.parametrize(("early_seconds", "accepted"), [(0, True), (LEEWAY, True), (LEEWAY + 1, False), (3600, False)])
def test_a_token_from_the_future_has_its_leeway_and_no_more(name: str, early_seconds: int, accepted: bool) -> None:
    token = sign(claims(**{name: SECONDS + early_seconds}))

    if accepted:
        assert validated(token).subject == "24400320"
    else:
        assert refusal(token) == name


@pytest.mark.requirement(53)
@pytest.mark.parametrize("name", ["exp", "iat"])
@pytest.mark.parametrize("value", [None, "1798800000", True, [1], {}])
def test_a_time_that_is_missing_or_no_number_is_refused(name: str, value: object) -> None:
    assert refusal(sign(claims(**{name: value}))) == name


@pytest.mark.requirement(53)
def test_not_a_number_and_infinity_are_not_times() -> None:
    for written in (b"NaN", b"Infinity", b"1e999"):
        content = json.dumps(claims(exp=0)).encode().replace(b'"exp": 0', b'"exp": ' + written)
        assert refusal(sign(content)) == "exp"


@pytest.mark.requirement(54)
@pytest.mark.parametrize("nonce", [None, "", "another", NONCE.upper(), 5, [NONCE]])
def test_another_nonce_is_refused(nonce: object) -> None:
    assert refusal(sign(claims(nonce=nonce))) == "nonce"


@pytest.mark.requirement(54)
def test_a_nonce_that_nobody_sent_is_refused() -> None:
    assert refusal(sign(claims()), nonce=None) == "nonce"
    assert validated(sign(claims(nonce=None)), nonce=None).nonce is None


@pytest.mark.requirement(55)
@pytest.mark.parametrize(
    ("alg", "key", "hashed_by"),
    [("RS256", rsa(), "sha256"), ("ES384", ec("ec-2", "P-384"), "sha384"), ("Ed25519", okp(), "sha512")],
)
def test_at_hash_follows_the_algorithm(alg: str, key: Key, hashed_by: str) -> None:
    options: dict[str, Any] = {"jwks": FixedKeys([key]), "algorithms": {alg}}
    good = sign(claims(at_hash=at_hash(algorithm=hashed_by)), key=key, alg=alg)

    assert validated(good, **options).subject == "24400320"
    assert refusal(good, access_token="another", **options) == "at_hash"
    assert refusal(good, access_token=None, **options) == "at_hash"
    wrong = at_hash(algorithm="sha384" if hashed_by != "sha384" else "sha256")
    assert refusal(sign(claims(at_hash=wrong), key=key, alg=alg), **options) == "at_hash"


@pytest.mark.requirement(55)
@pytest.mark.parametrize("value", ["", "x", 5, [at_hash()], True, at_hash() + "="])
def test_an_at_hash_of_another_shape_is_refused(value: object) -> None:
    assert refusal(sign(claims(at_hash=value))) == "at_hash"


def test_the_at_hash_example_of_appendix_a() -> None:
    """OpenID Connect Core A.3 and A.4 give this pair."""
    token = sign(claims(at_hash="77QmUPtjPfzWtF2AnpK9RQ"))

    assert validated(token, access_token="jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y").subject == "24400320"


@pytest.mark.requirement(56)
@pytest.mark.parametrize("sub", [None, "", 5, True, ["a"], "a\nb", "x" * 256])
def test_a_missing_subject_is_refused(sub: object) -> None:
    assert refusal(sign(claims(sub=sub))) in {"sub_missing", "sub_malformed"}


@pytest.mark.requirement(59)
def test_without_kid_one_fitting_key_is_enough_and_several_are_tried() -> None:
    without = sign(claims(), kid=None)

    assert validated(without).subject == "24400320"
    assert validated(without, jwks=FixedKeys([ec(), rsa("rsa-2"), okp(), rsa()])).subject == "24400320"
    assert refusal(without, jwks=FixedKeys([ec(), rsa("rsa-2"), okp()])) == "signature"


@pytest.mark.requirement(59)
def test_a_key_is_used_only_under_its_kid_type_and_algorithm() -> None:
    assert refusal(sign(claims(), kid="rsa-2")) == "signature"
    bound = type(rsa()).import_key({**rsa().as_dict(private=False), "alg": "RS512"})
    assert refusal(sign(claims()), jwks=FixedKeys([bound])) == "signature"


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

    assert refusal(token) == "token_kind"


@pytest.mark.requirement(62)
@pytest.mark.parametrize("typ", [None, "JWT", "jwt", "application/jwt"])
def test_a_jwt_by_any_of_its_names_is_an_id_token(typ: str | None) -> None:
    assert validated(sign(claims(), headers={"typ": typ})).subject == "24400320"


@pytest.mark.requirement(62)
def test_a_logout_token_is_refused_by_its_events() -> None:
    events: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}

    assert refusal(sign(claims(events=events))) == "token_kind"


@pytest.mark.parametrize(
    "token",
    ["", "a", "a.b", "a.b.c", "a.b.c.d.e", "....", sign(b"[]"), sign(b"x"), sign(b'{"sub": 1, "sub": 2}'), "é.b.c"],
)
def test_what_is_no_signed_jwt_is_refused(token: str) -> None:
    assert refusal(token) == "malformed"


def test_an_oversized_token_is_refused() -> None:
    assert refusal(sign(claims(padding="x" * 70_000))) == "malformed"


def test_the_list_of_algorithms_has_no_mac_and_no_none() -> None:
    assert not any(name.lower() == "none" or name.startswith("HS") for name in ALGORITHMS)
