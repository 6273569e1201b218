"""What the tests of providers share: a client of an entry, and how to take its requests apart."""

import json
from collections.abc import Mapping
from urllib.parse import parse_qs, parse_qsl, urlsplit

from integrations.oauth.client import Client
from integrations.oauth.message import Request, Response
from integrations.oauth.server import AuthorizationServer
from integrations.providers import Provider, get

REDIRECT_URI = "https://hub.example/connections/callback/it/"
VERIFIER = "v" * 43
CHALLENGE = "c" * 43


def examples(provider: Provider) -> dict[str, str]:
    """A value for every variable."""
    return {
        variable.name: variable.default or variable.example
        for variable in provider.variables
        if variable.default or variable.example
    }


def server_of(provider: Provider, variables: Mapping[str, str] | None = None) -> AuthorizationServer:
    given = examples(provider) if variables is None else variables
    metadata = None
    if provider.discovery:
        metadata = AuthorizationServer(
            issuer=given["issuer"],
            authorization_endpoint="https://login.example.com/authorize",
            token_endpoint="https://login.example.com/token",
            userinfo_endpoint="https://login.example.com/userinfo",
            code_challenge_methods_supported=frozenset({"S256"}),
        ).metadata()
    return provider.authorization_server(given, metadata)


def client_of(slug: str, **variables: str) -> Client:
    provider = get(slug)
    server = server_of(provider, {**examples(provider), **variables})
    return Client(server=server, client_id="id", client_secret="secret", redirect_uri=REDIRECT_URI)


def authorization_parameters(
    client: Client, *scope: str, offline: bool = True, incremental: bool = False
) -> dict[str, str]:
    url = client.authorization_url(
        state="s",
        code_challenge=CHALLENGE if client.uses_pkce else None,
        nonce=None,
        scope=frozenset(scope),
        offline=offline,
        incremental=incremental,
    )
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def form(request: Request) -> dict[str, str]:
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    return dict(parse_qsl(request.body.decode(), strict_parsing=True))


def answer(document: object, *, status: int = 200, **headers: str) -> Response:
    return Response(
        status=status,
        headers={"content-type": "application/json", **headers},
        body=json.dumps(document).encode(),
    )
