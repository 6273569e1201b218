"""What the pages around signing in ask before they offer something."""

import ipaddress
import re

from django import template
from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.template.context import Context
from django.utils.translation import gettext as _

register = template.Library()

BROWSERS = (("Edge", r"Edg"), ("Opera", r"OPR/"), ("Firefox", r"Firefox/|FxiOS"), ("Chrome", r"Chrom|CriOS"))
SYSTEMS = (
    ("Android", r"Android"),
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Windows", r"Windows"),
    ("macOS", r"Mac OS X|Macintosh"),
    ("Linux", r"Linux"),
)


@register.simple_tag
def sign_up_is_open() -> bool:
    """Whether anyone may make an account."""
    return bool(settings.HUB_OPEN_SIGN_UP)


@register.simple_tag(takes_context=True)
def passkeys_work(context: Context) -> bool:
    """Whether browsers let a page at this address use passkeys: a name, by https; or localhost (WebAuthn §5.1.3)."""
    request: HttpRequest = context["request"]
    host, _port = split_domain_port(request.get_host())
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return request.is_secure() or host == "localhost" or host.endswith(".localhost")
    return False


@register.filter
def device(user_agent: str) -> str:
    """A browser in two words, as far as its own claim can be believed."""
    browser = _first(BROWSERS, user_agent) or ("Safari" if "Safari/" in user_agent else "")
    system = _first(SYSTEMS, user_agent)
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or _("Unknown browser")


def _first(known: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for name, pattern in known if re.search(pattern, text)), "")
