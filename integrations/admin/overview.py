"""The first page of admin: how the hub is. The numbers come from `flows.overview`; here they get words and bars."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timesince import timesince

from integrations.flows.bars import BAR_STEP, BAR_WIDTH, HEIGHT, Bar, bars, grouped
from integrations.flows.overview import Concern, Overview, Span, overview
from integrations.models import Connection, SweepRun
from integrations.providers import PROVIDERS

NEEDED = ("integrations.view_clientregistration", "integrations.view_sweeprun")
#: What is not wrong, only under way.
NOTES = frozenset(("bulk", "paused"))
WORDS = {
    "alarm": "{subject}: the provider refuses our registration ({code}), for {ago}.",
    "failing": "{subject}: renewal is failing for {count} of its connections.",
    "down": "{subject}: the provider is not asked, as it does not answer ({code}), for {ago}. It is tried by itself.",
    "paused": "{subject}: the provider asked for a pause ({code}), {ago} ago. It is heeded.",
    "no_sweep": "No sweep has ended yet. Run sweep_tokens every few minutes.",
    "stale_sweep": "The last sweep finished {ago} ago.",
    "overdue": "{count} overdue for renewal, the oldest for {ago}.",
    "keys_broken": "HUB_SEALING_KEYS is missing or malformed: nothing can be sealed or opened.",
    "key_missing": "{count} connections are sealed under the key {subject}, which is not in HUB_SEALING_KEYS.",
    "key_old": "{count} connections are still sealed under the older key {subject}. Run rotate_keys reseal.",
    "journal": "{count} in the recovery journal of this host, the oldest for {ago}. The next sweep stores them.",
    "unrevoked": "{count} revocations wait for their provider, the oldest for {ago}.",
    "bulk": "A bulk revocation is under way since {ago}.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """Bars, what they show in a sentence, and their numbers."""

    kind: str
    title: str
    summary: str
    bars: Sequence[Bar]
    height: int = HEIGHT
    bar_width: int = BAR_WIDTH

    @property
    def width(self) -> int:
        return BAR_STEP * len(self.bars)


def show_on_index(site: admin.AdminSite) -> None:
    """Make the overview the first thing on a site's first page, for whoever may see such numbers."""
    site.index_template = "admin/overview.html"
    plain = site.index

    def index(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        shown = context(request) if request.user.has_perms(NEEDED) else {}
        return plain(request, {**shown, **(extra_context or {})})

    site.index = index  # type: ignore[method-assign]


def context(request: HttpRequest) -> dict[str, object]:
    """What the page's template shows."""
    found = overview(clock=timezone.now)
    sees_connections = request.user.has_perm("integrations.view_connection")
    hours, days = found.last_hours(), found.last_days()
    return {
        "overview": found,
        "as_of": found.snapshot.counts.at,
        "concerns": [_worded(concern, found.now, links=sees_connections) for concern in found.concerns],
        "statuses": [status.label for status in Connection.Status],
        "providers": _providers(found, links=sees_connections),
        "charts": [
            _chart("refreshed", "Renewed by sweeps, last 24 hours", hours, _hour, lambda span: span.refreshed),
            _chart("failed", "Renewals that failed, last 24 hours", hours, _hour, lambda span: span.failed),
            _chart("refreshed", "Renewed by sweeps, last 14 days", days, _day, lambda span: span.refreshed),
            _chart("failed", "Renewals that failed, last 14 days", days, _day, lambda span: span.failed),
        ],
        "sweeps": [(run, _took(run)) for run in found.sweeps],
        "keys": [(key, grouped(key.entries)) for key in found.snapshot.keys],
    }


def _worded(concern: Concern, now: datetime, *, links: bool) -> dict[str, str]:
    words = {
        "subject": concern.subject,
        "code": concern.code,
        "count": grouped(concern.count),
        "ago": timesince(concern.since, now) if concern.since else "",
    }
    return {
        "level": "note" if concern.kind in NOTES else "alarm",
        "text": WORDS[concern.kind].format(**words),
        "address": _address(concern, links=links),
    }


def _address(concern: Concern, *, links: bool) -> str:
    """Where to look further; empty where there is no page for it that the reader may see."""
    match concern.kind:
        case "alarm" | "down" | "paused":
            return reverse("admin:integrations_clientregistration_change", args=[concern.key])
        case "bulk":
            return reverse("admin:integrations_bulkrevocation_progress", args=[concern.key])
        case "no_sweep" | "stale_sweep":
            return reverse("admin:integrations_sweeprun_changelist")
        case "failing" if links:
            return _list(attention="failing", registration__id__exact=concern.key)
        case "overdue" if links:
            return _list(attention="overdue")
        case "unrevoked" if links:
            return reverse("admin:integrations_pendingrevocation_changelist")
    return ""


def _list(**query: object) -> str:
    return reverse("admin:integrations_connection_changelist", query=query)


def _providers(found: Overview, *, links: bool) -> list[dict[str, Any]]:
    """A line for each provider: a number for each status."""
    return [
        {
            "name": PROVIDERS[key].name if key in PROVIDERS else key,
            "cells": [
                {
                    "times": grouped(totals[status]),
                    "address": _list(registration__provider=key, status__exact=status.value)
                    if links and totals[status]
                    else "",
                }
                for status in Connection.Status
            ],
        }
        for key, totals in found.snapshot.counts.by_provider().items()
    ]


def _chart(
    kind: str,
    title: str,
    spans: Sequence[Span],
    label: Callable[[datetime], str],
    count: Callable[[Span], int],
) -> Chart:
    """What is counted of each span, and in a sentence how much that is."""
    shown = bars([(span.start, count(span)) for span in spans], label=label)
    total = grouped(sum(bar.count for bar in shown))
    best = max(shown, key=lambda bar: bar.count, default=None)
    summary = f"{title}: {total}" + (f", most at {best.label}" if best and best.count else "")
    return Chart(kind=kind, title=title, summary=f"{summary}.", bars=shown)


def _took(run: SweepRun) -> str:
    if run.finished_at is None:
        return "not ended"
    seconds = (run.finished_at - run.started_at).total_seconds()
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"


def _hour(start: datetime) -> str:
    return f"{start:%H}:00"


def _day(start: datetime) -> str:
    return date_format(start.date(), "MONTH_DAY_FORMAT")
