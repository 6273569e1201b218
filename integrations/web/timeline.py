"""What happened to a connection, told day by day in sentences."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from integrations.models import Event
from integrations.oauth.errors import printable
from integrations.providers.provider import Provider
from integrations.web.errors import sentences_of
from integrations.web.standing import why_needed
from integrations.web.wording import said

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise

ENTRIES_SHOWN = 40
NAME_LIMIT = 120
SCOPE_LIMIT = 200
Kind = Event.Kind

#: What happens all the time: of one day's, each is told once.
ROUTINE = frozenset({Kind.REFRESHED, Kind.USED})
MENDS = frozenset({Kind.RECOVERED, Kind.RECONNECTED})
TROUBLES = frozenset(
    {
        Kind.CONNECT_FAILED,
        Kind.REFRESH_FAILED,
        Kind.NEEDS_REAUTHORIZATION,
        Kind.SEAL_BROKEN,
        Kind.REVOCATION_FAILED,
        Kind.SCOPE_UNEXPECTED,
    }
)
GOOD = frozenset({Kind.CONNECTED, Kind.RECONNECTED, Kind.RECOVERED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """Something that happened; `sentence` may hold names, which are set apart. `mended_at`: when it worked again."""

    sentence: SafeString
    notes: tuple[str, ...]
    at: datetime
    mended_at: datetime | None
    tone: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """What happened on one day, the newest first."""

    label: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Teller:
    """Who reads, and about which provider: `name` is what it is called, `owner` the reader's own name as an actor."""

    provider: Provider | None
    name: str
    owner: str

    def timeline(self, events: Sequence[Event], *, today: date, is_cut: bool = False) -> tuple[Day, ...]:
        """Tell events, which come newest first. `is_cut`: there are older ones, so the last day may not be whole."""
        mended = dict(_mended(events))
        days: list[Day] = []
        left = ENTRIES_SHOWN
        for day, group in itertools.groupby(events, key=_day_of):
            if not left or (is_cut and days and day == _day_of(events[-1])):
                break
            entries = tuple(
                self._entry(event, count=count, mended_at=mended.get(id(event)))
                for event, count in itertools.islice(_without_repetition(group), left)
            )
            days.append(Day(label=_name_of(day, today=today), entries=entries))
            left -= len(entries)
        return tuple(days)

    def _entry(self, event: Event, *, count: int, mended_at: datetime | None) -> Entry:
        return Entry(
            sentence=self._sentence(event, count=count),
            notes=tuple(self._notes(event)),
            at=event.created_at,
            mended_at=mended_at,
            tone="trouble" if event.kind in TROUBLES else "good" if event.kind in GOOD else "plain",
        )

    def _sentence(self, event: Event, *, count: int) -> SafeString:
        by_you = bool(self.owner) and event.actor == self.owner
        who = printable(event.actor, limit=NAME_LIMIT)
        if event.kind == Kind.REFRESHED and not who:
            text = ngettext("Access renewed", "Access renewed %(count)d times", count)
        elif event.kind == Kind.NEEDS_REAUTHORIZATION:
            text = why_needed(_code_of(event))
        elif event.kind in _DONE_BY:
            done = _DONE_BY[Kind(event.kind)]
            text = str(done.you if by_you else done.other if who else done.hub)
        else:
            text = str(_HAPPENED.get(event.kind) or event.get_kind_display())
        return _filled(text, who=who, provider=self.name, count=count)

    def _notes(self, event: Event) -> Iterator[str]:
        match event.kind:
            case Kind.REFRESH_FAILED | Kind.CONNECT_FAILED:
                yield why_failed(_code_of(event), provider=self.name)
            case Kind.SCOPE_CHANGED:
                yield from (_("Now allowed: %(title)s") % {"title": t} for t in self._titles(event, "gained"))
                yield from (_("No longer allowed: %(title)s") % {"title": t} for t in self._titles(event, "lost"))
            case Kind.SCOPE_UNEXPECTED:
                yield from self._titles(event, "scope")
                yield _("The hub does not use it.")
            case Kind.USED if event.details:
                yield _call_of(event)
            case Kind.DISCONNECTED if isinstance(event.details.get("reason"), str):
                yield printable(event.details["reason"], limit=NAME_LIMIT)
            case _other:
                return

    def _titles(self, event: Event, name: str) -> Iterator[str]:
        scope = event.details.get(name)
        for token in scope if isinstance(scope, list) else ():
            title = said(self.provider.scope_title(str(token))) if self.provider else str(token)
            yield printable(title, limit=SCOPE_LIMIT)


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """The same deed in three sentences: by the reader, by somebody else, by the hub of its own accord."""

    you: "StrPromise"
    other: "StrPromise"
    hub: "StrPromise"


_DONE_BY: Mapping[Kind, Done] = {
    Kind.CONNECTED: Done(
        you=gettext_lazy("Connected by you"),
        other=gettext_lazy("Connected by %(who)s"),
        hub=gettext_lazy("Connected by the hub"),
    ),
    Kind.RECONNECTED: Done(
        you=gettext_lazy("Reconnected by you"),
        other=gettext_lazy("Reconnected by %(who)s"),
        hub=gettext_lazy("Reconnected by the hub"),
    ),
    Kind.REFRESHED: Done(
        you=gettext_lazy("Access renewed by you"),
        other=gettext_lazy("Access renewed by %(who)s"),
        hub=gettext_lazy("Access renewed"),
    ),
    Kind.USED: Done(
        you=gettext_lazy("Used by you"),
        other=gettext_lazy("Used by %(who)s"),
        hub=gettext_lazy("Used by a program that gave no name"),
    ),
    Kind.RENAMED: Done(
        you=gettext_lazy("Renamed by you"),
        other=gettext_lazy("Renamed by %(who)s"),
        hub=gettext_lazy("Renamed by the hub"),
    ),
    Kind.DISCONNECTED: Done(
        you=gettext_lazy("Disconnected by you"),
        other=gettext_lazy("Disconnected by %(who)s"),
        hub=gettext_lazy("Disconnected by the hub"),
    ),
}
_HAPPENED: Mapping[str, "StrPromise"] = {
    Kind.CONNECT_FAILED: gettext_lazy("Reconnecting did not work"),
    Kind.SCOPE_CHANGED: gettext_lazy("Permissions changed"),
    Kind.SCOPE_UNEXPECTED: gettext_lazy("%(provider)s granted more than was asked for"),
    Kind.REFRESH_FAILED: gettext_lazy("Renewing the access failed"),
    Kind.RECOVERED: gettext_lazy("Works again"),
    Kind.REVOKED_AT_PROVIDER: gettext_lazy("%(provider)s confirmed that the access has ended"),
    Kind.REVOCATION_FAILED: gettext_lazy("%(provider)s did not end the access: remove the hub there yourself"),
    Kind.SEAL_BROKEN: gettext_lazy("The stored access could not be opened; it must be reconnected"),
}
_WHY: Mapping[str, "StrPromise"] = {
    "timeout": gettext_lazy("%(provider)s did not answer in time."),
    "connection_failed": gettext_lazy("%(provider)s could not be reached."),
    "connection_lost": gettext_lazy("%(provider)s broke off its answer."),
    "tls_failed": gettext_lazy("No secure connection to %(provider)s was possible."),
    "server_error": gettext_lazy("%(provider)s answered with an error of its own."),
    "temporarily_unavailable": gettext_lazy("%(provider)s is not available for a while."),
    "unreadable_response": gettext_lazy("%(provider)s gave an answer that cannot be read."),
    "response_too_large": gettext_lazy("%(provider)s gave an answer that cannot be read."),
    "rate_limited": gettext_lazy("%(provider)s asked the hub to slow down."),
    "access_denied": gettext_lazy("Access was not allowed at %(provider)s."),
}


def why_failed(code: str, *, provider: str) -> str:
    """Why something with a provider failed, from the code that was stored."""
    if code in _WHY:
        return str(_WHY[code]) % {"provider": provider}
    known = sentences_of(code, provider=provider)
    if known:
        return f"{known.title}."
    return _("The hub noted: %(code)s.") % {"code": printable(code, limit=NAME_LIMIT)} if code else ""


def _filled(text: str, *, count: int, **names: str) -> SafeString:
    """A sentence with names in it, each set apart from the direction of its neighbours."""
    places = {name: "{" + name + "}" for name in names}
    apart = {name: format_html("<bdi>{}</bdi>", value) for name, value in names.items()}
    return format_html(text % {**places, "count": count}, **apart)


def _code_of(event: Event) -> str:
    return str(event.details.get("code") or "")


def _call_of(event: Event) -> str:
    """What was called, where a use tells: method and path."""
    told = (event.details.get(name) for name in ("method", "path"))
    return printable(" ".join(text for text in told if isinstance(text, str)), limit=NAME_LIMIT)


def _day_of(event: Event) -> date:
    return timezone.localtime(event.created_at).date()


def _name_of(day: date, *, today: date) -> str:
    if day == today:
        return _("Today")
    if day == today - timedelta(days=1):
        return _("Yesterday")
    return date_format(day, "DATE_FORMAT")


def _without_repetition(events: Iterable[Event]) -> Iterator[tuple[Event, int]]:
    """Events of one day, and how often each happened: routine is told once between two things that are none."""
    for is_routine, group in itertools.groupby(events, key=lambda event: event.kind in ROUTINE):
        if not is_routine:
            yield from ((event, 1) for event in group)
            continue
        alike: dict[tuple[str, str, str], list[Event]] = {}
        for event in group:
            alike.setdefault((event.kind, event.actor, _call_of(event)), []).append(event)
        yield from ((same[0], len(same)) for same in alike.values())


def _mended(events: Sequence[Event]) -> Iterator[tuple[int, datetime]]:
    """When each failure was over, by the event's identity."""
    mended_at = None
    for event in events:
        if event.kind in MENDS:
            mended_at = event.created_at
        elif event.kind in (Kind.REFRESH_FAILED, Kind.NEEDS_REAUTHORIZATION):
            if mended_at:
                yield id(event), mended_at
        elif event.kind == Kind.DISCONNECTED:
            mended_at = None
