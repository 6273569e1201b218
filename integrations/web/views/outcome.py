"""Back from the provider: what was granted, what was not, and what that means."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from integrations.web.addresses import safe_path
from integrations.web.outcome import outcome_of
from integrations.web.own import own_connection
from integrations.web.views.connections import connection_context
from integrations.web.visitor import PersonRequest


@never_cache
@require_safe
@login_required
def connected(request: PersonRequest, uuid: str) -> HttpResponse:
    """The page of a connection, with what the last way to the provider changed on top of it."""
    connection = own_connection(request, uuid)
    outcome = outcome_of(connection)
    if outcome is None:
        return redirect("integrations:connection", uuid=uuid)
    context = connection_context(connection)
    context |= {"outcome": outcome, "next": safe_path(request.GET.get("next", ""))}
    return render(request, "integrations/connection.html", context)
