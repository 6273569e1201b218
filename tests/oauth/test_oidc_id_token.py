"""OpenID Connect Core §3.1.3.7: what an ID token must say."""

import json
from typing import Any

import pytest
from joserfc.jwk import Key

from tests.oauth.judging import LEEWAY, refused, validated
from tests.oauth.making import ISSUER
from tests.oauth.signing import (
    CLIENT_ID,
    NONCE,
    SECONDS,
    FixedKeys,
    at_hash,
    claims,
    ec,
    okp,
    rsa,
    sign,
)


def test_a_good_id_token_says_who_it_is() -> None:
    found = validated(sign(claims(name="Jane\u202e Doe", at_hash=at_hash())))

    assert (found.issuer, found.subject, found.audience) == (ISSUER, "24400320", frozenset({CLIENT_ID}))
    assert (found.auth_time, found.texts["name"]) == (SECONDS - 5, "Jane Doe")
    assert NONCE not in repr(found)


@pytest.mark.requirement(48)
@pytest.mark.parametrize("iss", [None, "", "https://evil.example", f"{ISSUER}/", ISSUER.upper(), 7, [ISSUER]])
def test_another_issuer_is_refused(iss: object) -> None:
    assert refused(sign(claims(iss=iss))) == "iss"


@pytest.mark.requirement(48)
def test_a_tenant_template_takes_the_tenant_of_the_token_and_nothing_else() -> None:
    template = "https://login.microsoftonline.com/{tenantid}/v2.0"
    tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47"
    issuer = template.replace("{tenantid}", tenant)

    assert validated(sign(claims(iss=issuer, tid=tenant)), issuer=template).issuer == issuer
    for tid in (None, "common", "72F988BF", "evil.example/72f988bf-86f1-41af-91ab-2d7cd011db47", 5):
        assert refused(sign(claims(iss=issuer, tid=tid)), issuer=template) == "iss"
        assert refused(sign(claims(iss=template.replace("{tenantid}", str(tid)), tid=tid)), issuer=template) == "iss"
    assert refused(sign(claims(iss=template, tid=None)), issuer=template.replace("{tenantid}", tenant)) == "iss"


@pytest.mark.requirement(49)
@pytest.mark.parametrize(
    "aud",
    [None, "", [], {}, 5, "other", ["other"], [CLIENT_ID, "untrusted"], [CLIENT_ID, 5], CLIENT_ID.upper(), [None]],
)
def test_another_audience_is_refused(aud: object) -> None:
    assert refused(sign(claims(aud=aud, azp=CLIENT_ID))) == "aud"


@pytest.mark.requirement(49)
@pytest.mark.parametrize("aud", [CLIENT_ID, [CLIENT_ID], [CLIENT_ID, CLIENT_ID]])
def test_our_audience_is_accepted_alone(aud: object) -> None:
    assert validated(sign(claims(aud=aud))).audience == {CLIENT_ID}


@pytest.mark.requirement(50)
@pytest.mark.parametrize("azp", ["other", "", 5, [CLIENT_ID]])
def test_an_authorized_party_that_is_not_us_is_refused(azp: object) -> None:
    assert refused(sign(claims(azp=azp))) == "azp"


@pytest.mark.requirement(50)
def test_several_audiences_need_an_authorized_party() -> None:
    trusted: dict[str, Any] = {"trusted_audiences": frozenset({"api"})}

    assert refused(sign(claims(aud=[CLIENT_ID, "api"])), **trusted) == "azp"
    assert validated(sign(claims(aud=[CLIENT_ID, "api"], azp=CLIENT_ID)), **trusted).subject == "24400320"


@pytest.mark.requirement(53)
@pytest.mark.parametrize(
    ("late_seconds", "accepted"), [(-1, True), (0, True), (LEEWAY - 1, True), (LEEWAY, False), (LEEWAY + 31, False)]
)
def test_expiry_has_its_leeway_and_no_more(late_seconds: int, accepted: bool) -> None:
    token = sign(claims(exp=SECONDS - late_seconds))

    if accepted:
        assert validated(token).subject == "24400320"
    else:
        assert refused(token) == "exp"


@pytest.mark.requirement(53)
@pytest.mark.parametrize("name", ["iat", "nbf"])
@pytest.mark.parametrize(("early_seconds", "accepted"), [(0, True), (LEEWAY, True), (LEEWAY + 1, False), (3600, False)])
def test_a_token_from_the_future_has_its_leeway_and_no_more(name: str, early_seconds: int, accepted: bool) -> None:
    token = sign(claims(**{name: SECONDS + early_seconds}))

    if accepted:
        assert validated(token).subject == "24400320"
    else:
        assert refused(token) == name


@pytest.mark.requirement(53)
@pytest.mark.parametrize("name", ["exp", "iat"])
@pytest.mark.parametrize("value", [None, "1798800000", True, [1], {}])
def test_a_time_that_is_missing_or_no_number_is_refused(name: str, value: object) -> None:
    assert refused(sign(claims(**{name: value}))) == name


@pytest.mark.requirement(53)
def test_not_a_number_and_infinity_are_not_times() -> None:
    for written in (b"NaN", b"Infinity", b"1e999"):
        content = json.dumps(claims(exp=0)).encode().replace(b'"exp": 0', b'"exp": ' + written)
        assert refused(sign(content)) == "exp"


@pytest.mark.requirement(54)
@pytest.mark.parametrize("nonce", [None, "", "another", NONCE.upper(), 5, [NONCE]])
def test_another_nonce_is_refused(nonce: object) -> None:
    assert refused(sign(claims(nonce=nonce))) == "nonce"


@pytest.mark.requirement(54)
def test_a_nonce_that_nobody_sent_is_refused() -> None:
    assert refused(sign(claims()), nonce=None) == "nonce"
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
    assert refused(good, access_token="another", **options) == "at_hash"
    assert refused(good, access_token=None, **options) == "at_hash"
    wrong = at_hash(algorithm="sha384" if hashed_by != "sha384" else "sha256")
    assert refused(sign(claims(at_hash=wrong), key=key, alg=alg), **options) == "at_hash"


@pytest.mark.requirement(55)
@pytest.mark.parametrize("value", ["", "x", 5, [at_hash()], True, at_hash() + "="])
def test_an_at_hash_of_another_shape_is_refused(value: object) -> None:
    assert refused(sign(claims(at_hash=value))) == "at_hash"


def test_the_at_hash_example_of_appendix_a() -> None:
    """OpenID Connect Core A.3 and A.4 give this pair."""
    token = sign(claims(at_hash="77QmUPtjPfzWtF2AnpK9RQ"))

    assert validated(token, access_token="jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y").subject == "24400320"


@pytest.mark.requirement(56)
@pytest.mark.parametrize("sub", [None, "", 5, True, ["a"], "a\nb", "x" * 256])
def test_a_missing_subject_is_refused(sub: object) -> None:
    assert refused(sign(claims(sub=sub))) in {"sub_missing", "sub_malformed"}
