"""What a person does with one connection: test it, name it, end it."""

from datetime import UTC

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from integrations.flows import access
from integrations.flows.disconnect import Disconnected, disconnect
from integrations.flows.rename import rename
from integrations.models import Connection
from integrations.oauth.errors import OAuthError
from integrations.web.addresses import HttpResponseSeeOther
from integrations.web.connection_page import connection_page
from integrations.web.decorators import action_of
from integrations.web.errors import explain
from integrations.web.forms import RenameForm
from integrations.web.own import own_connection
from integrations.web.presentation import can_revoke, connection_card, is_held, provider_name, revocation_page
from integrations.web.problem import problem
from integrations.web.use_history import will_fail
from integrations.web.visitor import PersonRequest, client_address


@action_of("integrations:connection")
def test_connection(request: PersonRequest, uuid: str) -> HttpResponse:
    """Ask the provider whether it still knows us; htmx shows the result in place."""
    connection = own_connection(request, uuid)
    name = provider_name(connection.registration)
    try:
        trial = access.test_connection(connection, actor=request.user.get_username())
    except OAuthError as error:
        explanation = explain(error, provider=name)
        messages.error(request, f"{explanation.title}. {explanation.todo}")
    else:
        words = {"provider": name, "status": trial.status}
        if trial.ok:
            messages.success(request, _("It works: %(provider)s answered with status %(status)d.") % words)
        else:
            messages.error(request, _("%(provider)s refused: it answered with status %(status)d.") % words)
    if "HX-Request" in request.headers:
        return connection_page(request, uuid, now=timezone.now())
    return _back(connection)


@action_of("integrations:connection")
def rename_connection(request: PersonRequest, uuid: str) -> HttpResponse:
    """Give a connection a name of one's own."""
    connection = own_connection(request, uuid)
    form = RenameForm(request.POST)
    if not form.is_valid():
        return connection_page(request, uuid, now=timezone.now(), rename_form=form, status=400)
    rename(connection, name=form.cleaned_data["name"], actor=request.user.get_username())
    messages.success(request, _("The name was changed."))
    return _back(connection)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def disconnect_connection(request: PersonRequest, uuid: str) -> HttpResponse:
    """Say what disconnecting does; with POST, do it."""
    connection = own_connection(request, uuid)
    if not is_held(connection):
        return _back(connection)
    now = timezone.now()
    if request.method != "POST":
        today = now.astimezone(UTC).date()
        context = {
            "card": connection_card(connection),
            "can_revoke": can_revoke(connection),
            "revocation_page": revocation_page(connection),
            "failing": will_fail(connection, owner=request.user.get_username(), today=today),
        }
        return render(request, "integrations/disconnect.html", context)
    try:
        ended = disconnect(connection, actor=request.user.get_username(), now=now, ip=client_address(request))
    except OAuthError as error:
        return problem(request, error, connection.registration)
    messages.success(request, _farewell(ended))
    return HttpResponseSeeOther(reverse("integrations:connections"))


def _back(connection: Connection) -> HttpResponse:
    return HttpResponseSeeOther(reverse("integrations:connection", kwargs={"uuid": connection.uuid}))


def _farewell(ended: Disconnected) -> str:
    words = {"provider": provider_name(ended.connection.registration)}
    match ended.remote:
        case "revoked":
            return _("%(provider)s is disconnected. %(provider)s confirmed that the access has ended.") % words
        case "pending":
            return _("%(provider)s is disconnected. %(provider)s could not be told yet; the hub keeps trying.") % words
    page, untold = revocation_page(ended.connection), ended.remote == "untold"
    if not page and untold:
        sentence = _(
            "%(provider)s is disconnected here. %(provider)s could not be told and still allows the access until you "
            "remove the hub in your settings there."
        )
        return sentence % words
    if not page:
        return _("%(provider)s is disconnected here. Remove the hub in your settings at %(provider)s, too.") % words
    if untold:
        sentence = _(
            "%(provider)s is disconnected here. %(provider)s could not be told and still allows the access until you "
            "%(link)sremove the hub there%(end)s."
        )
    else:
        sentence = _("%(provider)s is disconnected here. %(link)sRemove the hub at %(provider)s%(end)s, too.")
    return format_html(
        sentence % {"provider": "{provider}", "link": "{link}", "end": "{end}"},
        **words,
        link=format_html('<a href="{}" rel="noreferrer">', page),
        end=SafeString("</a>"),
    )
