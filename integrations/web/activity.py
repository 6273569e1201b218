"""A person's activity: every event that is theirs, filtered, the newest first, by pages that stay right.

A page begins after an event and not at a number, so what happens meanwhile neither repeats a row nor hides one. Two
queries for the filter's choices and the rows, whatever there is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode

from django import forms
from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations.models import Connection, Event
from integrations.oauth.errors import printable
from integrations.web.event_words import sentence, who
from integrations.web.presentation import NAME_LIMIT, provider_name

PAGE_SIZE = 50
CURSOR_DIGITS = 18


class Group(models.TextChoices):
    """Kinds of events that people look for together."""

    CONNECTING = "connecting", gettext_lazy("Connecting and disconnecting")
    USE = "use", gettext_lazy("Use")
    RENEWAL = "renewal", gettext_lazy("Renewal")
    TROUBLE = "trouble", gettext_lazy("Trouble")
    CHANGES = "changes", gettext_lazy("Changes")


#: Every kind belongs to one group; what is in none of these belongs to `CHANGES`.
KINDS: Mapping[str, tuple[Event.Kind, ...]] = {
    Group.CONNECTING: (
        Event.Kind.CONNECTED,
        Event.Kind.RECONNECTED,
        Event.Kind.DISCONNECTED,
        Event.Kind.REVOKED_AT_PROVIDER,
    ),
    Group.USE: (Event.Kind.USED,),
    Group.RENEWAL: (Event.Kind.REFRESHED, Event.Kind.RECOVERED),
    Group.TROUBLE: (
        Event.Kind.CONNECT_FAILED,
        Event.Kind.REFRESH_FAILED,
        Event.Kind.NEEDS_REAUTHORIZATION,
        Event.Kind.REVOCATION_FAILED,
        Event.Kind.SEAL_BROKEN,
        Event.Kind.WEBHOOK_DISABLED,
    ),
}


class ActivityForm(forms.Form):
    """What to look for. A value that cannot be read is said to be so, and looks for nothing."""

    kind = forms.ChoiceField(
        label=gettext_lazy("What"), required=False, choices=[("", gettext_lazy("Everything")), *Group.choices]
    )
    connection = forms.ChoiceField(label=gettext_lazy("Connection"), required=False)
    since = forms.DateField(label=gettext_lazy("From (UTC)"), required=False, input_formats=["%Y-%m-%d"])
    until = forms.DateField(label=gettext_lazy("To (UTC)"), required=False, input_formats=["%Y-%m-%d"])

    def __init__(self, data: QueryDict, *, connections: Sequence[Connection]) -> None:
        super().__init__(data, label_suffix="")
        choices = [(str(row.uuid), _label(row)) for row in connections]
        self.fields["connection"] = forms.ChoiceField(
            label=_("Connection"), required=False, choices=[("", _("All connections")), *choices]
        )
        for name in ("since", "until"):
            self.fields[name].widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """What is looked for, as far as it could be read; empty looks for everything."""

    kind: str = ""
    connection: str = ""
    connection_id: int | None = None
    since: date | None = None
    until: date | None = None

    @property
    def is_empty(self) -> bool:
        return self == Filter()

    def query(self, **more: object) -> str:
        """The query string of an address with this filter."""
        pairs = {
            "kind": self.kind,
            "connection": self.connection,
            "since": self.since or "",
            "until": self.until or "",
            **more,
        }
        return urlencode({name: value for name, value in pairs.items() if value})

    def of(self, user: User) -> QuerySet[Event]:
        """The person's events that it lets through, the newest first, ready to be shown."""
        rows = Event.objects.filter(owner_id=user.pk).select_related("connection", "registration")
        return rows.filter(self._condition()).order_by("-pk").fetch_mode(models.FETCH_RAISE)

    def _condition(self) -> Q:
        condition = Q()
        if self.kind == Group.CHANGES:
            condition &= ~Q(kind__in=[kind for kinds in KINDS.values() for kind in kinds])
        elif self.kind:
            condition &= Q(kind__in=KINDS[self.kind])
        if self.connection:
            condition &= Q(connection_id=self.connection_id)
        if self.since:
            condition &= Q(created_at__gte=_midnight(self.since))
        if self.until and self.until < date.max:
            condition &= Q(created_at__lt=_midnight(self.until + timedelta(days=1)))
        return condition


@dataclass(frozen=True, kw_only=True, slots=True)
class ActivityRow:
    """One line: what happened, who did it, from where, to which connection."""

    kind: str
    sentence: str
    who: str
    ip: str
    created_at: datetime
    connection: str
    connection_address: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Activity:
    """One page of it and what stands around."""

    form: ActivityForm
    filter: Filter
    rows: tuple[ActivityRow, ...]
    newer_address: str
    older_address: str
    export_address: str


def activity(user: User, query: QueryDict) -> Activity:
    """The page that a query string asks for."""
    form, chosen = read_filter(user, query)
    events, has_newer, has_older = _page(chosen.of(user), query)
    address = reverse("integrations:activity")
    newer = chosen.query(after=events[0].pk) if has_newer else ""
    older = chosen.query(before=events[-1].pk) if has_older else ""
    export = reverse("integrations:activity_export")
    return Activity(
        form=form,
        filter=chosen,
        rows=tuple(activity_row(event, owner=user.get_username()) for event in events),
        newer_address=f"{address}?{newer}" if newer else "",
        older_address=f"{address}?{older}" if older else "",
        export_address=export if chosen.is_empty else f"{export}?{chosen.query()}",
    )


def read_filter(user: User, query: QueryDict) -> tuple[ActivityForm, Filter]:
    """What a query string looks for, and the form that shows it."""
    rows = user.connections.select_related("registration").order_by("registration__provider", "-created_at", "-pk")
    connections = list(rows.fetch_mode(models.FETCH_RAISE))
    form = ActivityForm(query, connections=connections)
    form.is_valid()
    read = form.cleaned_data
    chosen = Filter(
        kind=read.get("kind", ""),
        connection=read.get("connection", ""),
        connection_id=next((row.pk for row in connections if str(row.uuid) == read.get("connection")), None),
        since=read.get("since"),
        until=read.get("until"),
    )
    return form, chosen


def activity_row(event: Event, *, owner: str) -> ActivityRow:
    """An event as people read it; `owner` is the reader's username."""
    connection = event.connection
    return ActivityRow(
        kind=event.kind,
        sentence=sentence(event),
        who=who(event, owner=owner),
        ip=event.ip or "",
        created_at=event.created_at,
        connection=printable(connection.title, limit=NAME_LIMIT) if connection else "",
        connection_address=reverse("integrations:connection", args=[connection.uuid]) if connection else "",
    )


def _page(events: QuerySet[Event], query: QueryDict) -> tuple[list[Event], bool, bool]:
    """Rows, and whether there are newer and older ones."""
    before, after = (_cursor(query.get(name, "")) for name in ("before", "after"))
    if after is not None:
        found = list(events.filter(pk__gt=after).order_by("pk")[: PAGE_SIZE + 1])
        if len(found) > PAGE_SIZE:
            return found[PAGE_SIZE - 1 :: -1], True, True
        # The newest page is a full one, however few events are new.
        before = None
    rows = list(events.filter(pk__lt=before)[: PAGE_SIZE + 1]) if before is not None else []
    if rows:
        return rows[:PAGE_SIZE], True, len(rows) > PAGE_SIZE
    rows = list(events[: PAGE_SIZE + 1])
    return rows[:PAGE_SIZE], False, len(rows) > PAGE_SIZE


def _cursor(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= CURSOR_DIGITS else None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _label(connection: Connection) -> str:
    title = printable(connection.title, limit=NAME_LIMIT)
    return _("%(service)s: %(account)s") % {"service": provider_name(connection.registration), "account": title}
