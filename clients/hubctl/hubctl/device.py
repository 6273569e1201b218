"""Sign in from a terminal: the device authorization grant (RFC 8628)."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from hubctl.credentials import Credentials
from hubctl.errors import Stopped, TryLater
from hubctl.http import Answer, Json, post_form, printable, send

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
WELL_KNOWN = "/.well-known/oauth-authorization-server/oauth"
DEFAULT_INTERVAL_SECONDS = 5
SLOWER_BY_SECONDS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """What the person enters, and where (RFC 8628 §3.2)."""

    user_code: str
    verification_uri: str
    complete_uri: str
    expires_in: float
    interval: float
    device_code: str = field(repr=False)


def discover(origin: str) -> dict[str, str]:
    """The endpoints of a hub (RFC 8414), all of them at the hub itself.

    Raises:
        Stopped: this is no hub, or it offers no sign-in from devices.
    """
    answer = send("GET", f"{origin}{WELL_KNOWN}")
    found = answer.members()
    if answer.status != 200 or found.get("issuer") != f"{origin}/oauth":
        raise Stopped(f"There is no Integration Hub at {origin}, or that is not the address it goes by.")
    wanted = ("device_authorization_endpoint", "token_endpoint", "revocation_endpoint")
    endpoints = {name: str(found.get(name) or "") for name in wanted}
    for name, url in endpoints.items():
        if url and not url.startswith(f"{origin}/"):
            raise Stopped(f"{origin} names a {name} elsewhere, which is not believed.")
    if not endpoints["device_authorization_endpoint"]:
        raise Stopped(f"{origin} does not let devices sign in.")
    return endpoints


def ask_for_code(endpoint: str, *, client_id: str, scope: str) -> Code:
    """Begin.

    Raises:
        Stopped: the hub does not know the client, or not this scope.
        TryLater: the hub has enough for now.
    """
    answer = post_form(endpoint, {"client_id": client_id, "scope": scope})
    found = answer.members()
    if answer.status == 429:
        raise TryLater("The hub has had enough attempts for now. Wait a minute.")
    if answer.status != 200 or not found.get("device_code"):
        raise Stopped(f"The hub refused to begin: {_why(found) or answer.reason}")
    return Code(
        device_code=str(found["device_code"]),
        user_code=printable(str(found["user_code"])),
        verification_uri=printable(str(found["verification_uri"])),
        complete_uri=printable(str(found.get("verification_uri_complete") or "")),
        expires_in=_number(found.get("expires_in"), default=600),
        interval=_number(found.get("interval"), default=DEFAULT_INTERVAL_SECONDS),
    )


def wait_for_token(
    code: Code, credentials: Credentials, *, pause: Callable[[float], None] = time.sleep
) -> Mapping[str, Json]:
    """Ask until the person has decided (RFC 8628 §3.5).

    Raises:
        Stopped: they said no, or the code ran out.
    """
    interval, ends_at = code.interval, time.monotonic() + code.expires_in
    form = {"grant_type": GRANT_TYPE, "device_code": code.device_code, "client_id": credentials.client_id}
    while time.monotonic() < ends_at:
        pause(interval)
        try:
            answer = _poll(credentials.token_endpoint, form)
        except TryLater:
            # RFC 8628 §3.5: a connection that timed out is reason to ask less often.
            interval *= 2
            continue
        found = answer.members()
        error = found.get("error")
        if answer.status == 200 and found.get("access_token"):
            return found
        if error == "slow_down":
            interval += SLOWER_BY_SECONDS
        elif error == "access_denied":
            raise Stopped("It was refused in the browser.")
        elif error == "expired_token":
            break
        elif error != "authorization_pending":
            raise Stopped(f"The hub refused: {_why(found) or answer.reason}")
    raise Stopped("The code has run out. Begin anew.")


def _poll(endpoint: str, form: Mapping[str, str]) -> Answer:
    answer = post_form(endpoint, form)
    if answer.status == 429 or answer.status >= 500:
        raise TryLater(answer.reason)
    return answer


def _why(found: Mapping[str, Json]) -> str:
    texts = [cast(str, found[name]) for name in ("error", "error_description") if isinstance(found.get(name), str)]
    return ": ".join(printable(text) for text in texts)


def _number(value: Json, *, default: float) -> float:
    ok = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 86_400
    return float(value) if ok else default  # type: ignore[arg-type]
