"""A person's connections as their list shows them: searched, filtered, sorted by what needs attention, by the page.

Two queries, whatever there is: how many of which kind, and the rows of one page.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from operator import and_
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.db import models
from django.db.models import Count, Q, QuerySet
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from integrations.models import Connection
from integrations.oauth.errors import printable
from integrations.providers import PROVIDERS
from integrations.web.connection_row import COLUMNS, ConnectionRow, connection_rows
from integrations.web.standing import Standing, by_attention, of_standing, standing_of, with_standing
from integrations.web.wording import grouped

PAGE_SIZE = 25
SEARCH_LIMIT = 100
#: As many can be seen at one glance.
SEARCH_FROM = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """What somebody looks for; empty texts look for everything that is not disconnected."""

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

    def takes(self, standing: str, provider: str) -> bool:
        """Whether connections of that kind are shown."""
        fits = standing == self.standing if self.standing else standing != Standing.DISCONNECTED
        return fits and provider in (self.provider or provider,)


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
    """How many connections a person has of one provider and standing, and how many of them match."""

    provider: str
    standing: Standing
    total: int
    matching: int


def connection_list(user: User, query: QueryDict, *, now: datetime) -> ConnectionList:
    """The page of the list that a query string asks for; what it asks for and there is not, counts as not asked."""
    asked = Filter(
        words=printable(query.get("q", ""), limit=SEARCH_LIMIT),
        standing=query.get("status", ""),
        provider=query.get("provider", ""),
    )
    search = _search(asked.words)
    counts = _counts(user.connections.all(), search, now=now)
    kinds = {kind.provider for kind in counts}
    chosen = replace(
        asked,
        standing=asked.standing if asked.standing in Standing else "",
        provider=asked.provider if asked.provider in kinds else "",
    )
    matching = sum(kind.matching for kind in counts if chosen.takes(kind.standing, kind.provider))
    last = max(-(-matching // PAGE_SIZE), 1)
    number = _page_number(query.get("page", ""), last=last)
    rows = with_standing(user.connections.filter(search), now=now, gone=kinds - PROVIDERS.keys())
    shown = by_attention(_filtered(rows, chosen), now=now)[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
    return ConnectionList(
        filter=chosen,
        rows=connection_rows(shown, now=now),
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
        providers=_provider_options(
            {kind.provider for kind in counts if kind.standing != Standing.DISCONNECTED} | {chosen.provider} - {""},
            chosen,
        ),
    )


def _counts(rows: QuerySet[Connection], search: Q, *, now: datetime) -> list[_Kind]:
    """How many there are, and how many match, of each provider and standing."""
    matching = Count("pk", filter=search) if search else Count("pk")
    found = with_standing(rows, now=now).order_by().values_list("registration__provider", "rank")
    return [
        _Kind(
            provider=provider,
            standing=_standing_at(provider, standing_of(rank)),
            total=total,
            matching=matched,
        )
        for provider, rank, total, matched in found.annotate(total=Count("pk"), matching=matching)
    ]


def _standing_at(provider: str, standing: Standing) -> Standing:
    gone = provider not in PROVIDERS and standing != Standing.DISCONNECTED
    return Standing.OFF if gone else standing


def _search(words: str) -> Q:
    """Every word is somewhere: in a name, an account, the provider's name."""
    return reduce(and_, map(_somewhere, words.split()), Q())


def _somewhere(word: str) -> Q:
    providers = [provider.slug for provider in PROVIDERS.values() if word.casefold() in provider.name.casefold()]
    account = Q(account_label__icontains=word) | Q(account_label="", subject__icontains=word)
    return Q(name__icontains=word) | account | Q(registration__provider__in=providers)


def _filtered(rows: QuerySet[Any], chosen: Filter) -> QuerySet[Any]:
    rows = of_standing(rows, Standing(chosen.standing)) if chosen.standing else rows.visible()  # type: ignore[attr-defined]
    if chosen.provider:
        rows = rows.filter(registration__provider=chosen.provider)
    return rows.select_related("registration").only(*COLUMNS).fetch_mode(models.FETCH_RAISE)


def _page_number(text: str, *, last: int) -> int:
    return min(max(int(text), 1), last) if text.isascii() and text.isdecimal() and len(text) < 10 else 1


def _provider_options(keys: Iterable[str], chosen: Filter) -> tuple[Option, ...]:
    named = ((PROVIDERS[key].name if key in PROVIDERS else key, key) for key in keys)
    return tuple(
        Option(value=key, label=name, is_chosen=key == chosen.provider)
        for name, key in sorted(named, key=lambda pair: pair[0].casefold())
    )
