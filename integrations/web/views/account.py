"""A person's data, to take along, and the end of their account."""

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from integrations.flows.close_account import LastSuperuser, close_account, is_last_superuser
from integrations.flows.export_data import record_export
from integrations.web.addresses import HttpResponseSeeOther
from integrations.web.data_export import data_pieces
from integrations.web.decorators import reauthenticated
from integrations.web.downloads import download
from integrations.web.endings import endings
from integrations.web.forms import DeleteAccountForm
from integrations.web.visitor import PersonRequest, client_address

#: Kept in the session of nobody, for one page: whether every service had confirmed.
FAREWELL = "farewell"


@require_http_methods(["GET", "HEAD", "POST"])
@reauthenticated
def data_export(request: PersonRequest) -> HttpResponseBase:
    """Say what is in the file; with POST, send it."""
    if request.method != "POST":
        return render(request, "integrations/data_export.html")
    now = timezone.now()
    record_export(request.user.pk, actor=request.user.get_username(), ip=client_address(request))
    pieces = data_pieces(request.user, now=now)
    return download(pieces, name=f"integration-hub-{now:%Y-%m-%d}.json", content_type="application/json")


@require_http_methods(["GET", "HEAD", "POST"])
@reauthenticated
def delete_account(request: PersonRequest) -> HttpResponse:
    """Say what goes and what stays; with POST and the username, delete the account."""
    user = request.user
    if is_last_superuser(user.pk):
        return _refused(request)
    form = DeleteAccountForm(request.POST if request.method == "POST" else None, username=user.get_username())
    if request.method == "POST" and form.is_valid():
        return _delete(request)
    held = list(user.connections.visible().select_related("registration"))
    context = {
        "form": form,
        "count": len(held),
        "services": endings(held),
        "applications": user.oauth2_provider_application.count(),  # type: ignore[attr-defined]
    }
    return render(request, "integrations/delete_account.html", context, status=400 if form.errors else 200)


@never_cache
@require_safe
def farewell(request: HttpRequest) -> HttpResponse:
    """The last page of an account; it knows nobody."""
    if FAREWELL not in request.session or request.user.is_authenticated:
        return redirect("integrations:connections")
    return render(request, "integrations/farewell.html", {"is_gone": request.session[FAREWELL] == "gone"})


def _delete(request: PersonRequest) -> HttpResponse:
    try:
        closed = close_account(request.user, clock=timezone.now, ip=client_address(request))
    except LastSuperuser:
        return _refused(request)
    logout(request)
    request.session[FAREWELL] = "gone" if closed.is_gone else "going"
    request.session.set_expiry(0)
    return HttpResponseSeeOther(reverse("integrations:farewell"))


def _refused(request: PersonRequest) -> HttpResponse:
    return render(request, "integrations/delete_refused.html", status=409 if request.method == "POST" else 200)
