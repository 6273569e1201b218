"""A person's connections as their list shows them: searched, filtered, sorted by what needs attention, by the page.

Two queries, whatever there is: how many of which kind, and the rows of one page. A search costs one more, and so do two
registrations of one provider, which must be told apart.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.db import models
from django.db.models import Count, Q, QuerySet
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from integrations.flows.bars import grouped
from integrations.models import Connection
from integrations.oauth.errors import printable
from integrations.providers import PROVIDERS
from integrations.web.connection_row import COLUMNS, ConnectionRow, connection_rows
from integrations.web.instances import instance_names
from integrations.web.presentation import tenant_of
from integrations.web.search import folded, matches
from integrations.web.standing import Standing, by_attention, of_standing, standing_of, with_standing

PAGE_SIZE = 25
SEARCH_LIMIT = 100
#: As many can be seen at one glance.
SEARCH_FROM = 6
#: Each becomes a parameter of the query, of which SQLite takes 32,766.
FOUND_LIMIT = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """What somebody looks for; empty texts look for everything that is not disconnected.

    `provider` is a key of the catalogue, or key/slug for one of several registrations.
    """

    words: str = ""
    standing: str = ""
    provider: str = ""

    @property
    def is_empty(self) -> bool:
        return not (self.words or self.standing or self.provider)

    def address(self, *, page: int = 1) -> str:
        """The list with this filter."""
        pairs = {"q": self.words, "status": self.standing, "provider": self.provider, "page": page if page > 1 else ""}
        query = urlencode({name: value for name, value in pairs.items() if value})
        return reverse("integrations:connections") + (f"?{query}" if query else "")

    def takes(self, kind: "_Kind") -> bool:
        """Whether connections of that kind are shown."""
        fits = kind.standing == self.standing if self.standing else kind.standing != Standing.DISCONNECTED
        return fits and self.provider in ("", kind.provider, kind.registration)


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """A choice of a filter."""

    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectionList:
    """One page of the list and what stands around it."""

    filter: Filter
    rows: tuple[ConnectionRow, ...]
    number: int
    last: int
    total: int
    matching: int
    needs_you: int
    disconnected: int
    standings: tuple[Option, ...]
    providers: tuple[Option, ...]

    @property
    def address(self) -> str:
        return self.filter.address(page=self.number)

    @property
    def previous_address(self) -> str:
        return self.filter.address(page=self.number - 1) if self.number > 1 else ""

    @property
    def next_address(self) -> str:
        return self.filter.address(page=self.number + 1) if self.number < self.last else ""

    @property
    def can_be_searched(self) -> bool:
        return self.total >= SEARCH_FROM or not self.filter.is_empty

    @property
    def summary(self) -> str:
        """How many there are, in words."""
        if not self.filter.is_empty:
            found = ngettext("%(count)s connection found", "%(count)s connections found", self.matching)
            return found % {"count": grouped(self.matching)}
        connections = ngettext("%(count)s connection", "%(count)s connections", self.total)
        connections %= {"count": grouped(self.total)}
        if not self.needs_you:
            return connections
        need = ngettext("%(count)s needs you", "%(count)s need you", self.needs_you)
        need %= {"count": grouped(self.needs_you)}
        return _("%(connections)s, %(need)s") % {"connections": connections, "need": need}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kind:
    """How many connections a person has of one registration and standing, and how many of them match."""

    provider: str
    slug: str
    standing: Standing
    total: int
    matching: int

    @property
    def registration(self) -> str:
        return f"{self.provider}/{self.slug}"


def connection_list(user: User, query: QueryDict, *, now: datetime) -> ConnectionList:
    """The page of the list that a query string asks for; what it asks for and there is not, counts as not asked."""
    asked = Filter(
        words=printable(query.get("q", ""), limit=SEARCH_LIMIT),
        standing=query.get("status", ""),
        provider=query.get("provider", ""),
    )
    search = _search(user, asked.words)
    counts = _counts(user.connections.all(), search, now=now)
    kinds = {kind.provider for kind in counts}
    instances = instance_names(providers=_several((kind.provider, kind.slug) for kind in counts))
    chosen = replace(
        asked,
        standing=asked.standing if asked.standing in Standing else "",
        provider=_known(asked.provider, counts, instances),
    )
    matching = sum(kind.matching for kind in counts if chosen.takes(kind))
    last = max(-(-matching // PAGE_SIZE), 1)
    number = _page_number(query.get("page", ""), last=last)
    rows = with_standing(user.connections.filter(search), now=now, gone=kinds - PROVIDERS.keys())
    shown = by_attention(_filtered(rows, chosen), now=now)[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
    return ConnectionList(
        filter=chosen,
        rows=connection_rows(shown, instances=instances, now=now),
        number=number,
        last=last,
        total=sum(kind.total for kind in counts if kind.standing != Standing.DISCONNECTED),
        matching=matching,
        needs_you=sum(kind.total for kind in counts if kind.standing == Standing.NEEDS_YOU),
        disconnected=sum(kind.total for kind in counts if kind.standing == Standing.DISCONNECTED),
        standings=tuple(
            Option(value=value, label=str(label), is_chosen=value == chosen.standing)
            for value, label in Standing.choices
        ),
        providers=_provider_options(counts, chosen, instances),
    )


def _counts(rows: QuerySet[Connection], search: Q, *, now: datetime) -> list[_Kind]:
    """How many there are, and how many match, of each registration and standing."""
    matching = Count("pk", filter=search) if search else Count("pk")
    grouped = with_standing(rows, now=now).order_by()
    found = grouped.values_list("registration__provider", "registration__slug", "rank")
    return [
        _Kind(
            provider=provider,
            slug=slug,
            standing=_standing_at(provider, standing_of(rank)),
            total=total,
            matching=matched,
        )
        for provider, slug, rank, total, matched in found.annotate(total=Count("pk"), matching=matching)
    ]


def _several(registrations: Iterable[tuple[str, str]]) -> set[str]:
    """The providers that are there with more than one slug."""
    slugs = defaultdict(set)
    for provider, slug in registrations:
        slugs[provider].add(slug)
    return {provider for provider, found in slugs.items() if len(found) > 1}


def _known(asked: str, kinds: Iterable[_Kind], instances: Mapping[str, str]) -> str:
    """The provider asked for, without the registration where that is the only one; empty when there is none."""
    for kind in kinds:
        if asked == kind.provider:
            return asked
        if asked == kind.registration:
            return asked if kind.slug in instances else kind.provider
    return ""


def _standing_at(provider: str, standing: Standing) -> Standing:
    gone = provider not in PROVIDERS and standing != Standing.DISCONNECTED
    return Standing.OFF if gone else standing


def _search(user: User, words: str) -> Q:
    """Every word is somewhere in what the row shows: in a name, an account, the provider's name, instance or tenant."""
    if not words:
        return Q()
    read = user.connections.order_by().select_related("registration").only(*COLUMNS).fetch_mode(models.FETCH_RAISE)
    rows = list(read)
    instances = instance_names(providers=_several((r.registration.provider, r.registration.slug) for r in rows))
    found = (
        row.pk
        for row in rows
        if matches(
            words,
            row.name,
            row.account_label or row.subject,
            _name_of(row.registration.provider),
            instances.get(row.registration.slug, ""),
            tenant_of(row),
        )
    )
    return Q(pk__in=list(islice(found, FOUND_LIMIT)))


def _filtered(rows: QuerySet[Any], chosen: Filter) -> QuerySet[Any]:
    rows = of_standing(rows, Standing(chosen.standing)) if chosen.standing else rows.visible()  # type: ignore[attr-defined]
    provider, _slash, slug = chosen.provider.partition("/")
    if provider:
        rows = rows.filter(registration__provider=provider)
    if slug:
        rows = rows.filter(registration__slug=slug)
    return rows.select_related("registration").only(*COLUMNS).fetch_mode(models.FETCH_RAISE)


def _page_number(text: str, *, last: int) -> int:
    return min(max(int(text), 1), last) if text.isascii() and text.isdecimal() and len(text) < 10 else 1


def _provider_options(kinds: Iterable[_Kind], chosen: Filter, instances: Mapping[str, str]) -> tuple[Option, ...]:
    """The providers of what is listed; behind each with several registrations, those."""
    named = {}
    for kind in kinds:
        if kind.standing != Standing.DISCONNECTED or chosen.provider in (kind.provider, kind.registration):
            name = _name_of(kind.provider)
            named[kind.provider] = (name, "")
            if kind.slug in instances:
                named[kind.registration] = (name, instances[kind.slug])
    return tuple(
        Option(value=value, label=f"{name} · {instance}" if instance else name, is_chosen=value == chosen.provider)
        for value, (name, instance) in sorted(named.items(), key=lambda item: (folded(item[1][0]), item[1], item[0]))
    )


def _name_of(provider: str) -> str:
    return PROVIDERS[provider].name if provider in PROVIDERS else provider
