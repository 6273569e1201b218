"""The hub's API, called with tokens that are renewed when they must be."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlencode

from hubctl import credentials, device
from hubctl.credentials import Credentials
from hubctl.errors import ConsentNeeded, SignInNeeded, Stopped, TryLater
from hubctl.http import Answer, Json, post_form, printable, send

MARGIN_SECONDS = 30
IN_PATH = "/?%:@!$&'()*+,;=~[]"


class Hub:
    """One hub, as the person who signed in there."""

    def __init__(self, origin: str | None) -> None:
        self._kept = credentials.read(origin)

    @property
    def origin(self) -> str:
        """Its address."""
        return self._kept.origin

    def get(self, path: str) -> dict[str, Json]:
        """The JSON object at a path of the API."""
        return self._ask("GET", path).members()

    def post(self, path: str, body: Mapping[str, object]) -> dict[str, Json]:
        """What the API answers to a JSON object."""
        headers = {"Content-Type": "application/json"}
        return self._ask("POST", path, headers=headers, body=json.dumps(body).encode()).members()

    def connections(self) -> Iterator[dict[str, Any]]:
        """All connections that are shared with this client."""
        path: str | None = "/connections"
        while path:
            page = self.get(path)
            rows = page.get("data")
            yield from (row for row in rows if isinstance(row, dict)) if isinstance(rows, list) else ()
            cursor = page.get("next")
            path = f"/connections?{urlencode({'after': cursor})}" if isinstance(cursor, str) and cursor else None

    def call(
        self, connection: str, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """Have the hub call a provider, and hand over its answer as it is.

        Raises:
            Stopped: the hub itself refused.
        """
        answer = self._send(
            method, f"/connections/{quote(connection)}/proxy/{quote(path.lstrip('/'), safe=IN_PATH)}", headers, body
        )
        if answer.headers.get("hub-answer") != "upstream":
            refuse(answer)
        return answer

    def forget(self) -> None:
        """Have the hub end our tokens, and keep them no longer."""
        with credentials.locked():
            kept = credentials.read(self.origin)
            end(kept)
            credentials.forget(kept.origin)

    def _ask(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        answer = self._send(method, path, headers or {}, body)
        if answer.status >= 300:
            refuse(answer)
        return answer

    def _send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """Send with a token that is good; one that was ended early is renewed once."""
        used = self._token()
        answer = self._send_with(used, method, path, headers, body)
        if answer.status == 401 and "invalid_token" in answer.headers.get("www-authenticate", ""):
            answer = self._send_with(self._token(not_this=used), method, path, headers, body)
        return answer

    def _send_with(self, token: str, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        sent = {**headers, "Authorization": f"Bearer {token}"}
        return send(method, f"{self.origin}/api/v1{path}", headers=sent, body=body)

    def _token(self, *, not_this: str = "") -> str:
        if not_this != self._kept.access_token and self._is_fresh():
            return self._kept.access_token
        with credentials.locked():
            # Another command may have renewed it meanwhile.
            self._kept = credentials.read(self.origin)
            if not_this == self._kept.access_token or not self._is_fresh():
                self._renew()
        return self._kept.access_token

    def _is_fresh(self) -> bool:
        return time.time() < self._kept.expires_at - MARGIN_SECONDS

    def _renew(self) -> None:
        kept = self._kept
        if not kept.refresh_token:
            raise SignInNeeded(f"The sign-in has run out. Run: hubctl login --hub {kept.origin}")
        form = {"grant_type": "refresh_token", "refresh_token": kept.refresh_token, "client_id": kept.client_id}
        answer = post_form(kept.token_endpoint, form)
        found = answer.members()
        if found.get("error") in ("invalid_grant", "invalid_client"):
            credentials.forget(kept.origin)
            raise SignInNeeded(f"The hub no longer accepts the sign-in. Run: hubctl login --hub {kept.origin}")
        if answer.status != 200:
            raise TryLater(f"The hub could not renew the sign-in: {answer.reason}")
        credentials.write(with_tokens(kept, found))


def with_tokens(kept: Credentials, found: Mapping[str, Json]) -> Credentials:
    """Put a token response into credentials (RFC 6749 §5.1)."""
    kept.access_token = str(found["access_token"])
    kept.refresh_token = str(found.get("refresh_token") or kept.refresh_token)
    expires_in = found.get("expires_in")
    kept.expires_at = time.time() + (float(expires_in) if isinstance(expires_in, int | float) else 600.0)
    kept.scope = str(found.get("scope") or kept.scope)
    return kept


def end(kept: Credentials) -> None:
    """Have the hub end tokens (RFC 7009).

    Raises:
        TryLater: it did not.
    """
    if not kept.revocation_endpoint or not kept.refresh_token:
        return
    form = {"token": kept.refresh_token, "token_type_hint": "refresh_token", "client_id": kept.client_id}
    answer = post_form(kept.revocation_endpoint, form)
    if answer.status != 200 and answer.members().get("error") != "invalid_client":
        raise TryLater(f"The hub did not end the tokens ({answer.reason}). They are kept; try again.")


def sign_in(origin: str, *, client_id: str, scope: str, show: Callable[[device.Code], None]) -> Credentials:
    """Sign in by device grant: `show` tells the person what to do; returns when they have done it.

    An earlier sign-in at the hub ends, as nothing keeps its tokens any more.
    """
    endpoints = device.discover(origin)
    code = device.ask_for_code(endpoints["device_authorization_endpoint"], client_id=client_id, scope=scope)
    kept = Credentials(
        origin=origin,
        client_id=client_id,
        token_endpoint=endpoints["token_endpoint"],
        revocation_endpoint=endpoints["revocation_endpoint"],
    )
    show(code)
    with_tokens(kept, device.wait_for_token(code, kept))
    with credentials.locked():
        earlier = credentials.write(kept)
        if earlier:
            # The new one is good whether or not the hub can be reached for this; the earlier one then runs out.
            with suppress(Stopped):
                end(earlier)
    return kept


def refuse(answer: Answer) -> None:
    """Stop, with what the API says is wrong and what can be done (RFC 9457)."""
    found = answer.members()
    text = printable(str(found.get("detail") or answer.reason))
    url = found.get("consent_url")
    if answer.status == 401:
        raise SignInNeeded(f"{text} Run: hubctl login")
    if isinstance(url, str) and url:
        raise ConsentNeeded(f"{text}\nOpen {printable(url, limit=2000)}")
    if answer.status in (429, 503):
        after = answer.headers.get("retry-after", "")
        raise TryLater(f"{text}{f' Try again in {after} seconds.' if after.isdigit() else ''}")
    raise Stopped(f"{text} ({printable(str(found.get('code') or answer.status))})")
