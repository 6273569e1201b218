"""What happened, in one sentence each."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from integrations.flows.named import APPLICATION, told_apart
from integrations.models import Event
from integrations.oauth.errors import printable
from integrations.providers import PROVIDERS
from integrations.web.errors import sentences_of
from integrations.web.presentation import NAME_LIMIT, provider_name
from integrations.web.wording import said

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise

NAMES_SHOWN = 5
UNSUPPORTED = "unsupported_token_type"

Kind = Event.Kind
_PLAIN: Mapping[str, "StrPromise"] = {
    Kind.CONNECTED: gettext_lazy("%(service)s was connected."),
    Kind.RECONNECTED: gettext_lazy("%(service)s was reconnected."),
    Kind.REFRESHED: gettext_lazy("The access to %(service)s was renewed."),
    Kind.NEEDS_REAUTHORIZATION: gettext_lazy("%(service)s no longer accepts the access: reconnect the account."),
    Kind.RECOVERED: gettext_lazy("%(service)s works again."),
    Kind.USED: gettext_lazy("The access to %(service)s was used."),
    Kind.RENAMED: gettext_lazy("The connection to %(service)s was renamed."),
    Kind.DISCONNECTED: gettext_lazy("%(service)s was disconnected."),
    Kind.REVOKED_AT_PROVIDER: gettext_lazy("%(service)s confirmed that the access has ended."),
    Kind.SEAL_BROKEN: gettext_lazy("The stored access to %(service)s can no longer be read: reconnect the account."),
    Kind.WEBHOOK_DISABLED: gettext_lazy("A webhook was switched off."),
    Kind.DATA_EXPORTED: gettext_lazy("Your data was exported."),
    Kind.ACCOUNT_DELETED: gettext_lazy("An account was deleted."),
}


def sentence(event: Event) -> str:
    """Say what an event tells of, in the reader's language. Needs `registration` loaded."""
    service = provider_name(event.registration) if event.registration else _("A service")
    if event.kind in _WITH_DETAILS:
        return _WITH_DETAILS[event.kind](event, service)
    if event.kind in _PLAIN:
        return _begun(_PLAIN[event.kind] % {"service": service})
    return _begun(f"{event.get_kind_display()}.")


def who(event: Event, *, owner: str) -> str:
    """Who did it, as a name to show; `owner` is the username of the person who reads."""
    if event.actor == owner:
        return _("you")
    return actor_name(event.actor) or _("the hub")


def actor_name(actor: str) -> str:
    """Who did something, made harmless to show; an application is called one. The empty text: gave no name."""
    name = printable(actor, limit=NAME_LIMIT)
    if name.startswith(APPLICATION):
        return _("%(name)s (application)") % {"name": name.removeprefix(APPLICATION)}
    return name


def _failed_to_connect(event: Event, service: str) -> str:
    return _because(_("Connecting %(service)s did not work.") % {"service": service}, event, service)


def _failed_to_refresh(event: Event, service: str) -> str:
    return _because(_("Renewing the access to %(service)s failed.") % {"service": service}, event, service)


def _failed_to_revoke(event: Event, service: str) -> str:
    if event.details.get("code") == UNSUPPORTED:
        text = _("%(service)s does not let the hub end the access. Remove the hub on its own page.")
    else:
        text = _("%(service)s could not be told that the access has ended. Remove the hub on its own page.")
    return text % {"service": service}


def _changed_scope(event: Event, service: str) -> str:
    gained, lost = (_titles(event, name) for name in ("gained", "lost"))
    parts = []
    if gained:
        text = ngettext(
            "%(service)s allows %(count)d permission more: %(names)s.",
            "%(service)s allows %(count)d permissions more: %(names)s.",
            len(gained),
        )
        parts.append(text % _named(service, gained))
    if lost:
        text = ngettext(
            "%(service)s allows %(count)d permission less: %(names)s.",
            "%(service)s allows %(count)d permissions less: %(names)s.",
            len(lost),
        )
        parts.append(text % _named(service, lost))
    return " ".join(parts) or _("What %(service)s allows has changed.") % {"service": service}


def _unexpected_scope(event: Event, service: str) -> str:
    titles = _titles(event, "scope")
    if not titles:
        return _("%(service)s granted more than was asked for.") % {"service": service}
    return _("%(service)s granted more than was asked for: %(names)s.") % _named(service, titles)


def _allowed(event: Event, service: str) -> str:
    if event.registration is None:
        return _("%(application)s may act for you.") % _application(event, service)
    return _("%(application)s may use %(service)s.") % _application(event, service)


def _removed(event: Event, service: str) -> str:
    if event.registration is None:
        return _("%(application)s may no longer act for you.") % _application(event, service)
    return _("%(application)s may no longer use %(service)s.") % _application(event, service)


def _application(event: Event, service: str) -> dict[str, str]:
    name = printable(str(event.details.get("application", "")), limit=NAME_LIMIT)
    client_id = event.details.get("client_id")
    if name and isinstance(client_id, str):
        name = told_apart(name, client_id)
    return {"application": name or _("An application"), "service": service}


_OF_WEBHOOKS: Mapping[str, "StrPromise"] = {
    "added": gettext_lazy("A webhook was added."),
    "secret_replaced": gettext_lazy("A webhook got a new secret."),
    "enabled": gettext_lazy("A webhook was switched on again."),
    "removed": gettext_lazy("A webhook was deleted."),
}


def _webhook(event: Event, service: str) -> str:
    return str(_OF_WEBHOOKS.get(str(event.details.get("what", "")), _("A webhook was changed.")))


_WITH_DETAILS: Mapping[str, Callable[[Event, str], str]] = {
    Kind.APPLICATION_ALLOWED: _allowed,
    Kind.APPLICATION_REMOVED: _removed,
    Kind.CONNECT_FAILED: _failed_to_connect,
    Kind.REFRESH_FAILED: _failed_to_refresh,
    Kind.REVOCATION_FAILED: _failed_to_revoke,
    Kind.SCOPE_CHANGED: _changed_scope,
    Kind.SCOPE_UNEXPECTED: _unexpected_scope,
    Kind.WEBHOOK_CHANGED: _webhook,
}


def _because(text: str, event: Event, service: str) -> str:
    """Add why, where a stored code has words."""
    why = sentences_of(str(event.details.get("code", "")), provider=service)
    return _("%(what)s Why: %(why)s.") % {"what": text, "why": why.title} if why else text


def _titles(event: Event, name: str) -> list[str]:
    """What scope tokens in the details allow, in words; nothing for details of another shape."""
    tokens = event.details.get(name)
    if not isinstance(tokens, list):
        return []
    provider = PROVIDERS.get(event.registration.provider) if event.registration else None
    return [
        printable(said(provider.scope_title(str(token))) if provider else str(token), limit=NAME_LIMIT)
        for token in tokens
    ]


def _named(service: str, titles: Sequence[str]) -> dict[str, object]:
    shown = ", ".join(titles[:NAMES_SHOWN])
    return {"service": service, "count": len(titles), "names": f"{shown}, …" if len(titles) > NAMES_SHOWN else shown}


def _begun(text: str) -> str:
    return text[:1].upper() + text[1:]
