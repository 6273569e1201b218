"""What stands at an address is not told to whoever made the hub call it."""

from collections.abc import Callable

import pytest

from integrations.oauth import discovery, revocation, token, userinfo
from integrations.oauth.address import AddressPolicy
from integrations.oauth.errors import OAuthError
from integrations.oauth.jwks import read_keys
from integrations.oauth.message import Request, Response
from integrations.oauth.server import Dialect

CANARY = "the-inside-of-an-intranet"
BODIES = [
    f"<html><title>{CANARY}</title></html>",
    CANARY,
    f'"{CANARY}"',
    f'["{CANARY}"]',
    f'{{"message": "{CANARY}"}}',
    f'{{"{CANARY}": 1, "{CANARY}": 2}}',
]
JUDGES: dict[str, Callable[[Response], object]] = {
    "token": lambda response: token.parse(response, dialect=Dialect()),
    "userinfo": lambda response: userinfo.judge(response, dialect=Dialect()),
    "revocation": lambda response: revocation.judge(response, dialect=Dialect()),
    "keys": read_keys,
    "metadata": lambda response: discovery.judge(response, issuer="https://issuer.example", policy=AddressPolicy()),
}


@pytest.mark.requirement(126)
@pytest.mark.parametrize(
    ("endpoint", "status"),
    [
        (endpoint, status)
        for endpoint in JUDGES
        for status in (200, 302, 400, 401, 403, 404, 429, 500)
        # The body of a revocation's success is not looked at (RFC 7009 §2.2).
        if (endpoint, status) != ("revocation", 200)
    ],
)
@pytest.mark.parametrize("body", BODIES)
def test_no_judgement_repeats_the_body(endpoint: str, status: int, body: str) -> None:
    response = Response(status=status, headers={"location": f"https://{CANARY}.example/"}, body=body.encode())

    with pytest.raises(OAuthError) as caught:
        JUDGES[endpoint](response)

    assert CANARY not in f"{caught.value} {caught.value!r} {vars(caught.value)} {caught.value.__cause__!r}"


@pytest.mark.requirement(126)
@pytest.mark.parametrize("status", [200, 404])
def test_a_page_where_metadata_was_looked_for_is_not_repeated(status: int) -> None:
    class Intranet:
        policy = AddressPolicy()

        def send(self, request: Request) -> Response:
            return Response(status=status, body=BODIES[0].encode())

    with pytest.raises(OAuthError) as caught:
        discovery.discover("https://issuer.example", Intranet())

    assert CANARY not in f"{caught.value} {caught.value!r} {vars(caught.value)}"
