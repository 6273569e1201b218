"""Token revocation (RFC 7009), and the providers that do it their own way."""

import json
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from integrations.oauth.client_authentication import Credentials, authenticate
from integrations.oauth.errors import ProviderUnavailable, RequestRefused
from integrations.oauth.message import FORM, Request, Response, read_json, refuse_unless_answered, text_at
from integrations.oauth.server import AuthorizationServer, Dialect
from integrations.oauth.token import refuse_error

_GONE = frozenset({"invalid_token", "token_revoked", "token_expired", "invalid_grant"})


def build(
    server: AuthorizationServer,
    *,
    client_id: str,
    client_secret: str | None,
    access_token: str | None,
    refresh_token: str | None,
) -> list[Request]:
    """Build the requests that revoke what there is, in the provider's order; none where it has no such
    endpoint.

    Raises:
        InvalidClient: the registration has no secret to authenticate with.
    """
    if not server.revocation_endpoint:
        return []
    held = {"access_token": access_token, "refresh_token": refresh_token}
    url = server.revocation_endpoint.replace("{client_id}", quote(client_id, safe=""))
    requests = []
    for hint in server.dialect.revocation.tokens:
        token = held.get(hint)
        if token:
            credentials = _credentials(server.dialect, client_id=client_id, client_secret=client_secret, token=token)
            requests.append(_request(server.dialect, url=url, token=token, hint=hint, credentials=credentials))
    return requests


def judge(response: Response, *, dialect: Dialect) -> None:
    """Judge the answer: returning means that the token is no longer good (§2.2), whether it was before or
    not.

    Raises:
        ProviderUnavailable: try again later (§2.2.1).
        InvalidClient: the provider does not accept our registration.
        RequestRefused: it does not revoke this kind of token (code unsupported_token_type), or refuses the
        request.
    """
    refuse_unless_answered(response)
    if response.status in dialect.revocation.gone_statuses:
        return
    if response.status == 401 and dialect.revocation.authentication == "bearer":
        return
    if _says_gone(response, dialect):
        return
    if response.status >= 400:
        raise RequestRefused(f"HTTP status {response.status} without an error.", code="revocation_refused")


def _credentials(dialect: Dialect, *, client_id: str, client_secret: str | None, token: str) -> Credentials:
    authentication = dialect.revocation.authentication
    if authentication == "none":
        return Credentials()
    if authentication == "bearer":
        return Credentials(headers={dialect.token_header_name: dialect.token_header_template.format(token=token)})
    method = dialect.token_endpoint_auth_method if authentication == "client" else authentication
    return authenticate(method, client_id=client_id, client_secret=client_secret)


def _request(dialect: Dialect, *, url: str, token: str, hint: str, credentials: Credentials) -> Request:
    revocation = dialect.revocation
    headers = {
        "Accept": "application/json",
        **dialect.token_headers,
        **revocation.headers,
        **credentials.headers,
    }
    body = b""
    if revocation.format != "query-free":
        parameters = {revocation.parameter: token, **credentials.parameters}
        if revocation.hint:
            parameters["token_type_hint"] = hint
        headers["Content-Type"] = FORM if revocation.format == "form" else "application/json"
        body = _encode(parameters, revocation.format)
    return Request(method=revocation.method, url=url, headers=headers, body=body, idempotent=True)


def _encode(parameters: Mapping[str, str], format: str) -> bytes:
    text = urlencode(parameters) if format == "form" else json.dumps(parameters)
    return text.encode("ascii")


def _says_gone(response: Response, dialect: Dialect) -> bool:
    try:
        document = read_json(response)
    except ProviderUnavailable:
        # The body of a success is not looked at (§2.2); most are empty.
        return False
    said = text_at(document, dialect.error_path)
    error = dialect.errors.get(said, said)
    if error in _GONE:
        return True
    if error == "unsupported_token_type":
        raise RequestRefused("The provider does not revoke this kind of token.", code=error)
    refuse_error(document, response=response, dialect=dialect)
    return False
