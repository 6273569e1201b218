"""Actions on many connections: say what will happen, have it confirmed, do it row by row, report row by row."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse

from integrations.models import Connection
from integrations.oauth.errors import OAuthError
from integrations.providers import CatalogueError

ROWS_AT_MOST = 100
BUDGET = timedelta(seconds=25)
FAILURES_SHOWN = 20
REASON_LENGTH = 200
TEMPLATE = "admin/integrations/connection/confirm.html"


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """What an operator can do to connections, in the words of the confirmation page."""

    name: str
    title: str
    button: str
    effects: tuple[str, ...]
    statuses: frozenset[Connection.Status]
    asks_reason: bool = False


@dataclass(kw_only=True, slots=True)
class Report:
    """What came of it: rows by what was achieved, rows that failed and why, and how many were not reached."""

    done: Counter[str] = field(default_factory=Counter)
    failed: list[tuple[Connection, str]] = field(default_factory=list)
    not_reached: int = 0


def is_confirmed(request: HttpRequest) -> bool:
    """Whether the confirmation page was answered, not just the list's action chosen."""
    return request.method == "POST" and request.POST.get("confirmed") == "yes"


def reason(request: HttpRequest) -> str:
    return request.POST.get("reason", "").strip()[:REASON_LENGTH]


def concerned(queryset: QuerySet[Connection], action: Action) -> QuerySet[Connection]:
    """The rows of the selection that the action changes anything about."""
    rows = queryset.filter(status__in=action.statuses).select_related("owner", "registration")
    return rows.order_by("pk")


def confirmation(
    site: admin.AdminSite, request: HttpRequest, queryset: QuerySet[Connection], *, action: Action
) -> TemplateResponse | None:
    """The page that names what will happen to which rows; None, with a message, where nothing can."""
    total = queryset.count()
    if total > ROWS_AT_MOST:
        text = f"{total} connections are selected; choose at most {ROWS_AT_MOST} at a time. "
        text += "To revoke more, narrow the list by its filters and use “Revoke all that match”."
        messages.error(request, text)
        return None
    rows = list(concerned(queryset, action))
    if not rows:
        messages.warning(request, f"{action.title}: none of the selected connections is in a state for that.")
        return None
    context = {
        **site.each_context(request),
        "title": action.title,
        "action": action,
        "opts": Connection._meta,
        "rows": rows,
        "skipped": total - len(rows),
        "owners": len({row.owner_id for row in rows}),
        "registrations": sorted(Counter(row.registration.slug for row in rows).items()),
        "checkbox_name": ACTION_CHECKBOX_NAME,
        "reason_length": REASON_LENGTH,
    }
    return TemplateResponse(request, TEMPLATE, context)


def run(rows: Sequence[Connection], act: Callable[[Connection], str], *, clock: Callable[[], datetime]) -> Report:
    """Act on each row, for `BUDGET` at most; a failure of one does not stop the others."""
    report = Report()
    until = clock() + BUDGET
    for position, row in enumerate(rows):
        if clock() >= until:
            report.not_reached = len(rows) - position
            break
        try:
            report.done[act(row)] += 1
        except (OAuthError, CatalogueError) as error:
            report.failed.append((row, str(error)))
    return report


def tell(request: HttpRequest, report: Report) -> None:
    """Put the report into the messages of the next page."""
    for what, count in report.done.items():
        messages.success(request, f"{what}: {count}.")
    for row, why in report.failed[:FAILURES_SHOWN]:
        messages.error(request, f"{row.registration.slug}, {row.owner or 'the hub'}, {row.title}: {why}")
    if len(report.failed) > FAILURES_SHOWN:
        messages.error(request, f"And {len(report.failed) - FAILURES_SHOWN} more failed.")
    if report.not_reached:
        seconds = int(BUDGET.total_seconds())
        text = f"{report.not_reached} not reached within {seconds} seconds; select them again to go on."
        messages.warning(request, text)
