"""The page of a connection."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from integrations.web.connection_page import connection_page
from integrations.web.visitor import PersonRequest


@vary_on_headers("HX-Request")
@require_safe
@login_required
def connection(request: PersonRequest, uuid: str) -> HttpResponse:
    """Everything about one connection, and what can be done with it."""
    return connection_page(request, uuid, now=timezone.now())
