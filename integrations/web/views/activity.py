"""Everything that happened to what a person has connected."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from integrations.web.activity import activity, read_filter
from integrations.web.downloads import download
from integrations.web.event_csv import csv_lines
from integrations.web.visitor import PersonRequest


@require_safe
@login_required
def activity_page(request: PersonRequest) -> HttpResponse:
    """The person's events, the newest first."""
    return render(request, "integrations/activity.html", {"activity": activity(request.user, request.GET)})


@require_safe
@login_required
def export(request: PersonRequest) -> StreamingHttpResponse:
    """What the page's filter shows, all of it, as CSV."""
    _form, chosen = read_filter(request.user, request.GET)
    lines = csv_lines(chosen.of(request.user), owner=request.user.get_username(), language=get_language() or "en-gb")
    return download(lines, name=f"activity-{timezone.now():%Y-%m-%d}.csv", content_type="text/csv")
