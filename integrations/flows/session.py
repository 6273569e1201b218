"""A requests session that holds no token longer than a call needs it."""

from typing import Any
from urllib.parse import urlsplit

import requests
from requests_oauthlib import OAuth2Session

from integrations import measures
from integrations.flows.borrow import AccessToken, renewed_token, token
from integrations.flows.clients import let_go_of_database, provider_of, server_of, transport, variables_of
from integrations.flows.errors import ConnectionUnusable
from integrations.flows.rows import Clock
from integrations.models import Connection
from integrations.oauth.errors import Remedy, printable
from integrations.providers import ApiUrlRefused

REPLAYABLE = (type(None), str, bytes, dict, list, tuple)


class HubSession(OAuth2Session):  # type: ignore[misc]
    """An OAuth2Session whose token the hub looks after: borrowed before each call, refreshed on a 401.

    Neither the base class's own refresh (no lock) nor its logging (prints tokens) is used. Redirects are not followed.
    """

    def __init__(
        self, connection: Connection, *, scope: frozenset[str], clock: Clock, actor: str, note_calls: bool = False
    ) -> None:
        super().__init__(client_id=connection.registration.client_id)
        self._connection = connection
        self._needed_scope = scope
        self._clock = clock
        self._actor = actor
        self._note_calls = note_calls
        self._provider = provider_of(connection.registration)
        self._dialect = server_of(connection.registration, connection.variables).dialect
        transport().mount(self)

    def request(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        """Call the provider; `url` is a path on its API base, or an address on one of its API hosts.

        Raises:
            OAuthError: no valid token is to be had (see `borrow.token`), or the address is not the provider's.
            requests.RequestException: as ever.
        """
        address = self._address(url)
        borrowed = token(
            self._connection,
            scope=self._needed_scope,
            clock=self._clock,
            actor=self._actor,
            details=_call_details(method, url) if self._note_calls else None,
        )
        response = self._send(method, address, borrowed, kwargs)
        if response.status_code != requests.codes.unauthorized or not _is_replayable(kwargs):
            return response
        response.close()
        fresh = renewed_token(self._connection, seen_version=borrowed.version, clock=self._clock, actor=self._actor)
        return self._send(method, address, fresh, kwargs)

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Find none: the answer is the caller's. requests would read its whole body, and parse where it points to."""

    def token_sent(self, response: requests.Response) -> str:
        """The access token that this answer was asked for with, to be left out of what is shown of the answer."""
        header: str = response.request.headers.get(self._dialect.token_header_name, "")
        before, _, after = self._dialect.token_header_template.partition("{token}")
        return header.removeprefix(before).removesuffix(after)

    def _address(self, url: str) -> str:
        variables = variables_of(self._connection.registration, self._connection.variables)
        try:
            if url.startswith("/"):
                return self._provider.api_url(url, variables, self._connection.provider_data)
            self._provider.check_api_url(url, variables)
        except ApiUrlRefused as error:
            raise ConnectionUnusable(str(error), code="destination_refused", remedy=Remedy.OPERATOR) from None
        return url

    def _send(self, method: str, url: str, borrowed: AccessToken, kwargs: dict[str, Any]) -> requests.Response:
        sent, header = dict(kwargs), self._dialect.token_header_name
        given = dict(kwargs.get("headers") or {})
        sent["allow_redirects"] = False
        sent["headers"] = {
            **self._provider.api_headers,
            **{name: value for name, value in given.items() if name.lower() != header.lower()},
            header: self._dialect.token_header_template.format(token=borrowed.value),
        }
        let_go_of_database()
        response = requests.Session.request(self, method, url, **sent)
        by = "console" if self._note_calls else "program"
        measures.count(
            measures.API_CALLS, self._connection.registration.provider, by, f"{response.status_code // 100}xx"
        )
        return response


def _call_details(method: str, url: str) -> dict[str, object]:
    """What is written down of a call: without the query, which may say more than where."""
    path = url.partition("?")[0] if url.startswith("/") else urlsplit(url).path
    return {"method": method.upper(), "path": printable(path)}


def _is_replayable(kwargs: dict[str, Any]) -> bool:
    return isinstance(kwargs.get("data"), REPLAYABLE) and not kwargs.get("files")
