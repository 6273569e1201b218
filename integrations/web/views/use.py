"""What a person does with one connection: test it, try a feature, name it, end it."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from integrations.flows import access
from integrations.flows.disconnect import Disconnected, disconnect
from integrations.flows.rename import rename
from integrations.oauth.errors import OAuthError
from integrations.web.decorators import action_of
from integrations.web.errors import explain
from integrations.web.forms import RenameForm
from integrations.web.own import own_connection
from integrations.web.presentation import can_revoke, is_held, provider_name
from integrations.web.views.connections import connection_context
from integrations.web.visitor import PersonRequest, client_address


@action_of("integrations:connection")
def test_connection(request: PersonRequest, uuid: str) -> HttpResponse:
    """Ask the provider whether it still knows us."""
    connection = own_connection(request, uuid)
    name = provider_name(connection.registration)
    try:
        trial = access.test_connection(connection, actor=request.user.get_username())
    except OAuthError as error:
        explanation = explain(error, provider=name)
        messages.error(request, f"{explanation.title}. {explanation.todo}")
    else:
        if trial.ok:
            messages.success(request, f"It works: {name} answered with status {trial.status}.")
        else:
            messages.error(request, f"{name} refused: it answered with status {trial.status}.")
    return redirect("integrations:connection", uuid=uuid)


@action_of("integrations:connection")
def rename_connection(request: PersonRequest, uuid: str) -> HttpResponse:
    """Give a connection a name of one's own."""
    connection = own_connection(request, uuid)
    form = RenameForm(request.POST)
    if not form.is_valid():
        context = connection_context(connection, rename_form=form)
        return render(request, "integrations/connection.html", context, status=400)
    rename(connection, name=form.cleaned_data["name"], actor=request.user.get_username())
    messages.success(request, "The name was changed.")
    return redirect("integrations:connection", uuid=uuid)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def disconnect_connection(request: PersonRequest, uuid: str) -> HttpResponse:
    """Say what disconnecting does; with POST, do it."""
    connection = own_connection(request, uuid)
    if not is_held(connection):
        return redirect("integrations:connection", uuid=uuid)
    if request.method != "POST":
        context = connection_context(connection) | {"can_revoke": can_revoke(connection)}
        return render(request, "integrations/disconnect.html", context)
    ended = disconnect(connection, actor=request.user.get_username(), now=timezone.now(), ip=client_address(request))
    messages.success(request, _farewell(ended, provider=provider_name(connection.registration)))
    return redirect("integrations:connections")


def _farewell(ended: Disconnected, *, provider: str) -> str:
    match ended.remote:
        case "revoked":
            return f"{provider} is disconnected. {provider} confirmed that the access has ended."
        case "pending":
            return f"{provider} is disconnected. {provider} could not be told yet; the hub keeps trying."
        case _:
            return f"{provider} is disconnected. Remove the hub on {provider}'s own page, too."
