"""End everything at once, and see how far the services were told."""

from datetime import timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import models
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from integrations.flows import disconnect_all as flow
from integrations.models import Connection
from integrations.oauth.errors import OAuthError
from integrations.web.addresses import HttpResponseSeeOther
from integrations.web.decorators import reauthenticated
from integrations.web.endings import endings
from integrations.web.problem import problem
from integrations.web.visitor import PersonRequest, client_address

#: The number of the event after which progress is counted, kept in the session.
SINCE = "disconnect_all_since"
SLICE = timedelta(seconds=5)


@require_http_methods(["GET", "HEAD", "POST"])
@reauthenticated
def disconnect_all(request: PersonRequest) -> HttpResponse:
    """Say what ending everything does; with a confirmed POST, do it, then show how far it is."""
    confirmed = request.POST.get("confirmed") == "yes"
    if request.method == "POST" and confirmed:
        return _disconnect(request)
    held = list(_with_registration(request.user.connections.visible()))
    context = {
        "count": len(held),
        "services": endings(held),
        "is_unconfirmed": request.method == "POST",
        "is_under_way": flow.next_attempt_at(request.user.pk) is not None,
    }
    status = 400 if request.method == "POST" else 200
    return render(request, "integrations/disconnect_all.html", context, status=status)


@vary_on_headers("HX-Request")
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def progress(request: PersonRequest) -> HttpResponse:
    """How many services have confirmed; with POST, try those that are due for a few seconds more."""
    address = reverse("integrations:disconnect_progress")
    if request.method == "POST":
        flow.tell_providers(request.user.pk, clock=timezone.now, budget=SLICE)
        return HttpResponseSeeOther(address)
    found = flow.progress(request.user.pk, since=request.session.get(SINCE, 0))
    next_attempt_at = flow.next_attempt_at(request.user.pk)
    context = {
        "address": address,
        "confirmed": len(found.confirmed),
        "waiting": len(found.waiting),
        "total": found.total,
        "to_visit": endings(_with_registration(request.user.connections.filter(pk__in=found.to_visit))),
        "to_visit_count": len(found.to_visit),
        "next_attempt_at": next_attempt_at,
        "can_go_on": next_attempt_at is not None and next_attempt_at <= timezone.now(),
    }
    part = "#live" if "HX-Request" in request.headers else ""
    return render(request, f"integrations/disconnect_progress.html{part}", context)


def _disconnect(request: PersonRequest) -> HttpResponse:
    user = request.user
    since = request.session.get(SINCE, 0)
    if not since or not flow.progress(user.pk, since=since).waiting:
        request.session[SINCE] = flow.newest_event(user.pk)
        # At once: if this request dies, the next one goes on from here.
        request.session.save()
    try:
        flow.disconnect_all(user.pk, actor=user.get_username(), clock=timezone.now, ip=client_address(request))
    except OAuthError as error:
        return problem(request, error)
    messages.success(request, _("Everything is disconnected. The hub has deleted all tokens it held for you."))
    return HttpResponseSeeOther(reverse("integrations:disconnect_progress"))


def _with_registration(rows: models.QuerySet[Connection]) -> models.QuerySet[Connection]:
    return rows.select_related("registration").fetch_mode(models.FETCH_RAISE)
