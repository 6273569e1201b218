"""The list of connections."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from integrations.web.connection_list import connection_list
from integrations.web.visitor import PersonRequest


@vary_on_headers("HX-Request")
@require_safe
@login_required
def connections(request: PersonRequest) -> HttpResponse:
    """What the person has connected, what needs them first; only the list itself when htmx asks."""
    context = {"list": connection_list(request.user, request.GET, now=timezone.now())}
    part = "#live" if "HX-Request" in request.headers else ""
    return render(request, f"integrations/connections.html{part}", context)
