"""A letter as its person reads it: text and HTML, in their language, with links to the configured site alone."""

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from integrations.flows.notices import Letter
from integrations.mail.frame import html_of
from integrations.models import Connection, Notice
from integrations.oauth.errors import printable
from integrations.web.presentation import NAME_LIMIT, provider_name
from integrations.web.standing import Standing, words_for

#: More than this nobody reads; the rest is behind one link.
LISTED_AT_MOST = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One connection in a letter."""

    provider: str
    account: str
    happened: str
    url: str


def message_of(letter: Letter, *, now: datetime) -> EmailMultiAlternatives:
    """Write a letter. Its Message-ID stays the same when it has to be sent again, so that mail systems drop doubles."""
    with translation.override(_language_of(letter)):
        subject, context = _contents(letter, now=now)
        subject = printable(subject)
        context |= {"name": letter.name, "site_url": settings.SITE_URL, "notifications_url": _notifications_url()}
        text = re.sub(r"\n{3,}", "\n\n", render_to_string(f"mail/{letter.kind.value}.txt", context)).strip()
        links = [value for value in text.split("\n\n") if value.startswith(f"{settings.SITE_URL}/")]
        message = EmailMultiAlternatives(subject, text, to=[letter.address], headers=_headers(letter))
        message.attach_alternative(html_of(text, subject=subject, links=links), "text/html")
    return message


def _language_of(letter: Letter) -> str:
    return letter.language if letter.language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


def _headers(letter: Letter) -> dict[str, str]:
    return {
        "Message-ID": f"<notice-{letter.key}@{urlsplit(settings.SITE_URL).hostname}>",
        "Auto-Submitted": "auto-generated",
        "Content-Language": translation.get_language(),
        "List-Unsubscribe": f"<{_notifications_url()}>",
    }


def _contents(letter: Letter, *, now: datetime) -> tuple[str, dict[str, object]]:
    match letter.kind:
        case Notice.Kind.NEEDS_YOU:
            return _needs_you(letter, now=now)
        case Notice.Kind.CONNECTED:
            return _connected(letter.notices[0], letter.connections[0])
        case _:
            return _webhook_disabled(letter.notices[0])


def _needs_you(letter: Letter, *, now: datetime) -> tuple[str, dict[str, object]]:
    lines = [_line(connection, now=now) for connection in letter.connections]
    if len(lines) == 1:
        subject = _("Reconnect %(provider)s") % {"provider": lines[0].provider}
    else:
        subject = ngettext("%(count)d connection needs you", "%(count)d connections need you", len(lines))
        subject %= {"count": len(lines)}
    left_out = len(lines) - LISTED_AT_MOST
    all_url = f"{_url('integrations:connections')}?status={Standing.NEEDS_YOU.value}"
    return subject, {
        "lines": lines[:LISTED_AT_MOST],
        "count": len(lines),
        "left_out": max(0, left_out),
        "all_url": all_url,
    }


def _connected(notice: Notice, connection: Connection) -> tuple[str, dict[str, object]]:
    provider = provider_name(connection.registration)
    subject = _("A connection to %(provider)s was added to your account") % {"provider": provider}
    return subject, {
        "provider": provider,
        "account": _account(connection),
        "at": notice.created_at,
        "ip": notice.ip or "",
        "user_agent": notice.user_agent,
        "connection_url": _page_of(connection),
        "password_url": _url("account_change_password"),
    }


def _webhook_disabled(notice: Notice) -> tuple[str, dict[str, object]]:
    endpoint = notice.webhook_endpoint
    assert endpoint is not None  # noqa: S101 - the table says so
    host = urlsplit(endpoint.url).hostname or ""
    return _("A webhook to %(host)s was switched off") % {"host": host}, {
        "host": host,
        "why": endpoint.get_disabled_why_display(),
        "at": endpoint.disabled_at,
        "webhook_url": _url("webhooks:endpoint", uuid=endpoint.uuid),
    }


def _line(connection: Connection, *, now: datetime) -> Line:
    provider = provider_name(connection.registration)
    return Line(
        provider=provider,
        account=_account(connection),
        happened=words_for(connection, Standing.NEEDS_YOU, provider=provider, ends_at=None, now=now),
        url=_page_of(connection),
    )


def _account(connection: Connection) -> str:
    return printable(connection.title, limit=NAME_LIMIT)


def _page_of(connection: Connection) -> str:
    return _url("integrations:connection", uuid=connection.uuid)


def _notifications_url() -> str:
    return _url("integrations:notifications")


def _url(name: str, **arguments: object) -> str:
    return f"{settings.SITE_URL}{reverse(name, kwargs=arguments or None)}"
