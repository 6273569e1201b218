"""Pages about webhooks: all of them, one with what was sent there, a form, a question before one is deleted."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from hub.webhooks.forms import NewWebhookForm, WebhookForm
from hub.webhooks.own import own_applications, own_endpoint
from hub.webhooks.words import NO_KEYS, REFUSALS, what, why_not
from integrations.flows import webhooks as flow
from integrations.flows.webhooks import WebhookRefused
from integrations.models import WebhookEndpoint, WebhookKind
from integrations.oauth.errors import OAuthError
from integrations.web.addresses import HttpResponseSeeOther
from integrations.web.visitor import PersonRequest, client_address

DELIVERIES_SHOWN = 50


@never_cache
@require_safe
@login_required
def webhooks(request: PersonRequest) -> HttpResponse:
    """All of the reader's, by application."""
    applications = own_applications(request)
    rows = list(flow.endpoints_of(request.user.pk, applications.keys()))
    silenced = flow.silenced(applications.keys())
    groups = [
        {
            "name": name,
            "client_id": client_id,
            "endpoints": [row for row in rows if row.client_id == client_id],
            "is_silenced": client_id in silenced,
        }
        for client_id, name in applications.items()
    ]
    return render(request, "webhooks/list.html", {"groups": groups})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def new(request: PersonRequest) -> HttpResponse:
    """Add one; the answer shows its secret, this once."""
    applications = own_applications(request)
    initial = {"client_id": request.GET.get("application", ""), "kinds": WebhookKind.values}
    form = NewWebhookForm(request.POST or None, applications=applications, initial=initial)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            added = flow.add(
                request.user.pk,
                data["client_id"],
                url=data["url"],
                kinds=data["kinds"],
                now=timezone.now(),
                actor=request.user.get_username(),
                ip=client_address(request),
            )
        except WebhookRefused as error:
            form.add_error(None, str(REFUSALS[error.code]))
        except OAuthError:
            form.add_error(None, str(NO_KEYS))
        else:
            return show_secret(request, added)
    status = 400 if form.is_bound else 200
    return render(request, "webhooks/new.html", {"form": form, "applications": applications}, status=status)


def show_secret(request: PersonRequest, made: flow.WithSecret) -> HttpResponse:
    """The page with a secret on it, which is on no other page and in no address; whoever calls forbids to keep it."""
    context = {"endpoint": made.endpoint, "secret": made.secret}
    return render(request, "webhooks/secret.html", context)


@never_cache
@require_safe
@login_required
def endpoint(request: PersonRequest, uuid: UUID) -> HttpResponse:
    """One, with what was sent there lately."""
    row = own_endpoint(request, uuid)
    sent = [
        {"delivery": delivery, "what": what(delivery), "why": why_not(delivery)}
        for delivery in row.deliveries.all()[:DELIVERIES_SHOWN]
    ]
    context = {
        "endpoint": row,
        "is_silenced": bool(flow.silenced([row.client_id])),
        "application": own_applications(request)[row.client_id],
        "kinds": [kind.label for kind in WebhookKind if kind.value in row.kinds],
        "sent": sent,
        "is_overlapping": row.previous_secret_ends_at is not None and row.previous_secret_ends_at > timezone.now(),
    }
    return render(request, "webhooks/endpoint.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def change(request: PersonRequest, uuid: UUID) -> HttpResponse:
    """Another address, or other kinds."""
    row = own_endpoint(request, uuid)
    form = WebhookForm(request.POST or None, initial={"url": row.url, "kinds": row.kinds})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        flow.change(
            row,
            url=data["url"],
            kinds=data["kinds"],
            actor=request.user.get_username(),
            ip=client_address(request),
        )
        messages.success(request, _("The webhook was changed."))
        return to_page(row)
    status = 400 if form.is_bound else 200
    return render(request, "webhooks/change.html", {"form": form, "endpoint": row}, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def delete(request: PersonRequest, uuid: UUID) -> HttpResponse:
    """Ask, then delete."""
    row = own_endpoint(request, uuid)
    if request.method == "POST":
        flow.remove(row, actor=request.user.get_username(), ip=client_address(request))
        messages.success(request, _("The webhook was deleted."))
        return HttpResponseSeeOther(reverse("webhooks:list"))
    return render(request, "webhooks/delete.html", {"endpoint": row})


def to_page(row: WebhookEndpoint) -> HttpResponse:
    return HttpResponseSeeOther(reverse("webhooks:endpoint", kwargs={"uuid": row.uuid}))
