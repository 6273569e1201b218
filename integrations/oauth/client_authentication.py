"""Client authentication at the token endpoint (RFC 6749 §2.3.1)."""

import base64
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote_plus

from integrations.oauth.errors import InvalidClient

type Method = Literal["client_secret_basic", "client_secret_post", "none"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """What proves the client in one request: parameters for the body and headers."""

    parameters: dict[str, str] = field(default_factory=dict, repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)


def authenticate(method: Method, *, client_id: str, client_secret: str | None) -> Credentials:
    """Present the client by the one configured method, never by two.

    Raises:
        InvalidClient: the method needs a secret and the registration has none (code client_secret_missing).
    """
    if method == "none":
        return Credentials(parameters={"client_id": client_id})
    if not client_secret:
        raise InvalidClient("The registration has no client secret.", code="client_secret_missing")
    if method == "client_secret_post":
        return Credentials(parameters={"client_id": client_id, "client_secret": client_secret})
    return Credentials(headers={"Authorization": basic(client_id, client_secret)})


def basic(client_id: str, client_secret: str) -> str:
    """Write the Authorization header: both parts form-urlencoded, then Base64 (§2.3.1, appendix B)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    return "Basic " + base64.b64encode(pair.encode("ascii")).decode("ascii")
