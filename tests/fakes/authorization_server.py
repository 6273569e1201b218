"""A plain RFC 6749 provider on loopback that misbehaves on request.

    with FakeAuthorizationServer() as server:
        server.add_client(redirect_uri)                     # client_id "hub", client_secret_basic
        pairs = server.authorize(url, account="bob")        # the browser: what the callback will get
        server.misbehave("token", Behaviour.SERVER_ERROR)   # the next answer
        server.conduct.rotation = Rotation.NEVER            # from now on
        server.requests("token")                            # what arrived, with form and headers

Endpoints by name: authorize, token, revoke, introspect, userinfo, jwks, metadata, api. It speaks real HTTP,
so threads and other processes may call it; its knobs live in the process that started it. The accounts are
alice, bob and carol; alice is signed in for a browser that does not say who it is.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit

import requests

from tests.fakes.conduct import Conduct
from tests.fakes.endpoints import PATHS, Endpoints, endpoint_of
from tests.fakes.grants import Account, Grant, Memory, RegisteredClient
from tests.fakes.misbehaviour import Behaviour, Fault, Gate, Plan
from tests.fakes.signing import SigningKeys
from tests.fakes.tls import untrusted_context
from tests.fakes.wire import Incoming, Listener, Outgoing

type Pairs = list[tuple[str, str]]


class AuthorizationPageError(AssertionError):
    """A page instead of a redirect: client_id or redirect_uri are wrong."""


class FakeAuthorizationServer:
    """One provider; see the module's docstring."""

    def __init__(self, *, clock: Callable[[], datetime] | None = None) -> None:
        self.conduct = Conduct()
        self.memory = Memory(self.conduct, clock=clock or _time_of_day)
        self.keys = SigningKeys()
        self._plan = Plan()
        self._log: list[Incoming] = []
        self._log_lock = threading.Lock()
        self._listeners = [Listener(self._answer)]
        self.origin = self._listeners[0].origin
        self._endpoints = Endpoints(self.memory, keys=self.keys, origin=self.origin)
        for name in ("alice", "bob", "carol"):
            self.add_account(name)

    def __enter__(self) -> Self:
        self._listeners[0].open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._plan.clear()
        for listener in self._listeners:
            listener.close()
        crashes = [crash for listener in self._listeners for crash in listener.crashes]
        if kind is None and crashes:
            raise ExceptionGroup("the fake provider crashed", crashes)

    # -- who is there

    def add_account(self, name: str, *, subject: str = "", email: str = "") -> Account:
        account = Account(name=name, subject=subject or f"sub-{name}", email=email or f"{name}@example.test")
        self.memory.accounts[name] = account
        return account

    def add_client(
        self,
        *redirect_uris: str,
        client_id: str = "hub",
        client_secret: str = "s3cret+/ %:ü",
        token_endpoint_auth_method: str = "client_secret_basic",
    ) -> RegisteredClient:
        """Register a client, or replace what was registered under this client_id."""
        client = RegisteredClient(
            client_id=client_id,
            client_secret=client_secret,
            redirect_uris=redirect_uris,
            token_endpoint_auth_method=token_endpoint_auth_method,
        )
        self.memory.clients[client_id] = client
        return client

    def add_redirect_uri(self, redirect_uri: str, *, client_id: str = "hub") -> None:
        client = self.memory.clients[client_id]
        self.memory.clients[client_id] = replace(client, redirect_uris=(*client.redirect_uris, redirect_uri))

    def sign_in(self, account: str) -> None:
        """Let this account answer the browsers that do not say who they are."""
        self._endpoints.signed_in = account

    def endpoint(self, name: str, *, origin: str = "") -> str:
        """The address of an endpoint."""
        return (origin or self.origin) + PATHS[name]

    @property
    def untrusted_origin(self) -> str:
        """The same provider behind a certificate that nobody trusts."""
        if len(self._listeners) == 1:
            self._listeners.append(Listener(self._answer, tls=untrusted_context()).open())
        return self._listeners[1].origin

    # -- the browser

    def authorize(
        self,
        authorization_url: str,
        *,
        account: str = "alice",
        scope: str | None = None,
        error: str = "",
        error_description: str = "",
    ) -> Pairs:
        """Follow the authorization URL as this account; the parameters of the authorization response.

        `scope` is what the person leaves ticked; `error` is sent instead of a code ("access_denied").
        """
        location = self.authorization_response(
            authorization_url, account=account, scope=scope, error=error, error_description=error_description
        )
        return parse_qsl(urlsplit(location).query, keep_blank_values=True)

    def authorization_response(
        self,
        authorization_url: str,
        *,
        account: str = "alice",
        scope: str | None = None,
        error: str = "",
        error_description: str = "",
    ) -> str:
        """Like `authorize`: the whole address that the browser is sent to."""
        headers = {"X-Fake-Account": account, "X-Fake-Error": error}
        if error_description:
            headers["X-Fake-Error-Description"] = error_description
        if scope is not None:
            headers["X-Fake-Scope"] = scope
        answer = requests.get(authorization_url, headers=headers, allow_redirects=False, timeout=30)
        if answer.status_code != 302:
            raise AuthorizationPageError(answer.text)
        return answer.headers["Location"]

    # -- faults

    def misbehave(
        self,
        endpoint: str,
        behaviour: Behaviour,
        *,
        times: int | None = 1,
        error: str = "invalid_request",
        retry_after: str = "7",
        answer: Outgoing | None = None,
    ) -> Gate:
        """Spoil the next `times` answers of an endpoint, None = until `behave`; the gate is for delays.

        `answer` is what AS_GIVEN sends: a page with a script, ten megabytes, a redirect to another host.
        """
        fault = Fault(
            behaviour=behaviour, times=times, error=error, retry_after=retry_after, answer=answer or Outgoing()
        )
        self._plan.add(endpoint, fault)
        return fault.gate

    def behave(self, endpoint: str = "") -> None:
        """Forget the faults of one endpoint, or all; whoever stands at a gate goes on."""
        self._plan.clear(endpoint)

    def revoke_grants(self, account: str) -> None:
        """What a person does on the provider's own page: take all consent back."""
        with self.memory.lock:
            for grant in self.memory.grants:
                if grant.account.name == account:
                    grant.revoked = True

    def use_real_clock(self) -> None:
        """Go by the time of day, like whoever reads no clock of ours."""
        self.memory.clock = _time_of_day

    def expire_access_tokens(self) -> None:
        """End every access token at once, as a provider may; refresh tokens stay."""
        with self.memory.lock:
            self.memory.access_tokens.clear()

    # -- what happened

    def requests(self, endpoint: str = "") -> Sequence[Incoming]:
        """What arrived at one endpoint, or everywhere, oldest first."""
        with self._log_lock:
            return [entry for entry in self._log if endpoint in ("", entry.endpoint)]

    def refreshes(self) -> Sequence[Incoming]:
        """The token requests that were refreshes."""
        return [entry for entry in self.requests("token") if entry.form.get("grant_type") == "refresh_token"]

    def forget_requests(self) -> None:
        with self._log_lock:
            self._log.clear()

    def grants(self, account: str = "alice") -> Sequence[Grant]:
        with self.memory.lock:
            return [grant for grant in self.memory.grants if grant.account.name == account]

    def is_active(self, token: str) -> bool:
        """Whether the provider still takes this access or refresh token."""
        with self.memory.lock:
            if self.memory.active(token) is not None:
                return True
            return any(
                token == grant.refresh_tokens[-1] and not grant.revoked
                for grant in self.memory.grants
                if grant.refresh_tokens
            )

    def _answer(self, arrived: Incoming) -> Outgoing | None:
        incoming = replace(arrived, endpoint=endpoint_of(arrived.path))
        with self._log_lock:
            self._log.append(incoming)
        fault = self._plan.take(incoming.endpoint)
        if fault is None:
            return self._dated(self._endpoints.process(incoming))
        spoilt = fault.spoil(lambda: self._endpoints.process(incoming))
        return self._dated(spoilt) if spoilt else None

    def _dated(self, outgoing: Outgoing) -> Outgoing:
        """RFC 9110 §6.6.1: an answer says when it was made."""
        if not self.conduct.says_date or "Date" in outgoing.headers:
            return outgoing
        date = format_datetime(self.memory.now(), usegmt=True)
        return replace(outgoing, headers={**outgoing.headers, "Date": date})


def _time_of_day() -> datetime:
    return datetime.now(UTC)
