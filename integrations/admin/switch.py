"""Registrations are switched on and off: what that does is said first, and who did it, and why, is kept."""

from dataclasses import dataclass

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone

from integrations.admin.actions import REASON_LENGTH, ROWS_AT_MOST, is_confirmed, reason
from integrations.admin.read_only import FlowAdmin
from integrations.flows.connection_counts import connection_counts
from integrations.flows.register import set_enabled
from integrations.models import ClientRegistration

TEMPLATE = "admin/integrations/clientregistration/confirm.html"


@dataclass(frozen=True, kw_only=True, slots=True)
class Switch:
    """One of the two ways, in the words of the confirmation page."""

    name: str
    title: str
    button: str
    enabled: bool
    effects: tuple[str, ...]
    done: str


ON = Switch(
    name="switch_on",
    title="Switch on",
    button="Switch them on",
    enabled=True,
    effects=("People connect through them again, and what is connected is renewed and used.",),
    done="Switched on",
)
OFF = Switch(
    name="switch_off",
    title="Switch off",
    button="Switch them off",
    enabled=False,
    effects=(
        "Nobody connects through them, and attempts that are under way fail.",
        "What is connected is neither renewed nor used, and programs that ask are told so. Nothing is revoked or lost.",
        "A connection whose refresh token dies of idleness at the provider will need its owner afterwards.",
    ),
    done="Switched off",
)


def switch(
    page: FlowAdmin, request: HttpRequest, queryset: QuerySet[ClientRegistration], *, to: Switch
) -> TemplateResponse | None:
    """Ask, or do it where it was confirmed."""
    rows = list(queryset.exclude(enabled=to.enabled).order_by("slug")[:ROWS_AT_MOST])
    if not rows:
        messages.warning(request, f"{to.title}: none of the selected registrations is in a state for that.")
        return None
    if not is_confirmed(request):
        return confirmation(page, request, rows, to=to)
    why = reason(request)
    for row in rows:
        if set_enabled(row, to.enabled, actor=request.user.get_username(), reason=why):
            page.log_change(request, row, f"{to.done}. Reason: {why or 'none given'}")
    messages.success(request, f"{to.done}: {', '.join(row.slug for row in rows)}.")
    return None


def confirmation(
    page: FlowAdmin, request: HttpRequest, rows: list[ClientRegistration], *, to: Switch
) -> TemplateResponse:
    """The page that says what it does, and to how many connections; its form is that of the list's action."""
    counts = connection_counts(clock=timezone.now)
    context = {
        **page.admin_site.each_context(request),
        "title": to.title,
        "opts": ClientRegistration._meta,
        "switch": to,
        "rows": [(row, counts.of_registration(row.pk)) for row in rows],
        "checkbox_name": ACTION_CHECKBOX_NAME,
        "reason_length": REASON_LENGTH,
    }
    return TemplateResponse(request, TEMPLATE, context)
