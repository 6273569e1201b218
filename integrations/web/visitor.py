"""Who is asking: a signed-in person, the browser session they use, the address they come from."""

import ipaddress
import secrets

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest

from integrations.models import Connection

BROWSER_KEY = "connect_browser"


class PersonRequest(HttpRequest):
    """A request of somebody who is signed in."""

    user: User


class ConnectedRequest(PersonRequest):
    """A request that `requires_feature` let through: `connection` has the feature switched on."""

    connection: Connection


def browser_of(request: HttpRequest) -> str:
    """The random value that binds connect attempts to this browser session; made when first asked for."""
    if BROWSER_KEY not in request.session:
        request.session[BROWSER_KEY] = secrets.token_urlsafe(32)
    return str(request.session[BROWSER_KEY])


def client_address(request: HttpRequest) -> str:
    """Where the request comes from; the empty text when that is no IP address.

    X-Forwarded-For counts only as far as HUB_TRUSTED_PROXY_COUNT proxies of ours have written it.
    """
    peer = request.META.get("REMOTE_ADDR", "")
    proxies: int = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
    address = hops[-proxies] if 0 < proxies <= len(hops) else peer
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return ""


def request_id_of(request: HttpRequest) -> str:
    """The support code of a request: what somebody who asks for help tells an operator."""
    return str(request.META.get("hub.request_id", ""))
