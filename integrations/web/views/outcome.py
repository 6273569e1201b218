"""Back from the provider: what was granted, what was not, and what that means."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from integrations.web.addresses import safe_path, with_next
from integrations.web.connection_page import connection_page
from integrations.web.outcome import outcome_of
from integrations.web.own import own_connection
from integrations.web.visitor import PersonRequest


@never_cache
@require_safe
@login_required
def connected(request: PersonRequest, uuid: str) -> HttpResponse:
    """The page of a connection, with what the last way to the provider changed on top of it."""
    outcome = outcome_of(own_connection(request, uuid))
    if outcome is None:
        return redirect("integrations:connection", uuid=uuid)
    next_path = safe_path(request.GET.get("next", ""))
    besides = {"outcome": outcome, "next": next_path, "address": with_next(request.path, next_path=next_path)}
    return connection_page(request, uuid, now=timezone.now(), besides=besides)
