"""Send a person to connect an account."""

import math
import re
from typing import Annotated
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from ninja import Field, Router, Schema

from integrations.api.caller import Caller, CallerRequest, Scoped, require_person
from integrations.api.document import IDEMPOTENCY_KEY, OF_KEYS, described
from integrations.api.idempotency import once_while_good
from integrations.api.problem import Misfit, NoSuchProvider
from integrations.api.providers import SLUG, registration_of
from integrations.flows import connect_link
from integrations.models import ConnectLink
from integrations.providers import PROVIDERS

router = Router(tags=["connections"])

FEATURE_SLUG = r"^[a-z0-9._-]{1,64}$"
#: Printable ASCII: what else belongs into an address is encoded there.
ADDRESS = r"^https?://[\x21-\x7E]+$"
#: A host and its port, in full: after a bracket, `urlsplit` leaves out what others read.
NETLOC = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?", re.ASCII)
LOOPBACK = ("127.0.0.1", "::1")


class ConnectIn(Schema):
    """What to connect, by a provider's slug here and its features' slugs.

    Afterwards the person is shown the way to `return_to`, an address at an origin that your application registered.
    """

    model_config = {"extra": "forbid"}

    provider: Annotated[str, Field(pattern=SLUG)]
    features: Annotated[list[Annotated[str, Field(pattern=FEATURE_SLUG)]], Field(max_length=50)] = []
    return_to: Annotated[str, Field(max_length=2000, pattern=ADDRESS)] | None = None


class LinkOut(Schema):
    """Where to send the person you act for; good once, and for `expires_in` seconds."""

    url: str
    expires_in: int


def _again(request: CallerRequest, kept: str) -> ConnectLink | None:
    """The link that was made under a key, as long as it leads anywhere."""
    return connect_link.find_open(request.auth.borrower, int(kept), now=timezone.now()) if kept.isdecimal() else None


def _told(link: ConnectLink) -> LinkOut:
    path = reverse("integrations:connect_link", kwargs={"uuid": link.uuid})
    left = math.ceil((link.expires_at - timezone.now()).total_seconds())
    return LinkOut(url=f"{settings.SITE_URL}{path}", expires_in=max(left, 0))


@router.post(
    "/connect",
    auth=Scoped("connections:connect"),
    response=LinkOut,
    openapi_extra=described(
        "person_required",
        *OF_KEYS,
        example={"url": "https://hub.example/connections/link/0b6e…/", "expires_in": 600},
        request_example={"provider": "sandbox", "features": ["notes.read"], "return_to": "https://client.example/done"},
        parameters=[IDEMPOTENCY_KEY],
    ),
)
@once_while_good(keep=lambda link: str(link.pk), again=_again, tell=_told)
def make_connect_link(request: CallerRequest, response: HttpResponse, payload: ConnectIn) -> ConnectLink:
    """Make a link by which your person connects an account. They sign in, decide, and may share it with you."""
    require_person(request.auth)
    try:
        registration = registration_of(payload.provider)
    except NoSuchProvider:
        raise Misfit("body", "provider", "No such provider can be connected here.") from None
    known = {feature.slug for feature in PROVIDERS[registration.provider].features}
    if unknown := set(payload.features) - known:
        raise Misfit("body", "features", f"{payload.provider} has no {', '.join(sorted(unknown))}.")
    return_to = payload.return_to or ""
    if return_to and _origin(return_to) not in _origins(request.auth):
        raise Misfit("body", "return_to", "This is at no origin that your application registered.")
    response["Cache-Control"] = "no-store"
    return connect_link.make(
        request.auth.borrower, registration, payload.features, return_to=return_to, now=timezone.now()
    )


def _origins(caller: Caller) -> set[str]:
    return {_origin(uri) for uri in caller.redirect_uris} - {""}


def _origin(address: str) -> str:
    """Scheme, host and port in one spelling; empty for what is none, or names a user.

    On the person's own machine every port is the application's, which takes one that is free (RFC 8252 §7.3).
    """
    try:
        parts = urlsplit(address)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return ""
    if not parts.hostname or not NETLOC.fullmatch(parts.netloc) or "\\" in address:
        return ""
    if parts.scheme == "http" and parts.hostname in LOOPBACK:
        return f"http://{parts.hostname}:*"
    return f"{parts.scheme}://{parts.hostname}:{port}"
