"""What a person does with one connection: test it, try a feature, name it, end it."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from integrations.flows import access
from integrations.flows.disconnect import Disconnected, disconnect
from integrations.flows.rename import rename
from integrations.models import Connection
from integrations.oauth.errors import OAuthError, Remedy
from integrations.providers import PROVIDERS
from integrations.providers.provider import Feature
from integrations.web.attempts import changing, opening
from integrations.web.decorators import action_of
from integrations.web.errors import explain
from integrations.web.forms import RenameForm
from integrations.web.own import own_connection
from integrations.web.presentation import can_revoke, connection_card, is_held, provider_name
from integrations.web.problem import problem
from integrations.web.summary import summarise
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


@never_cache
@action_of("integrations:connection")
def try_feature(request: PersonRequest, uuid: str) -> HttpResponse:
    """Use a feature once, and show what the provider answered."""
    connection = own_connection(request, uuid)
    feature = _feature_that_is_on(connection, request.POST.get("feature", ""))
    try:
        trial = access.try_path(connection, feature.test_path, actor=request.user.get_username())
    except OAuthError as error:
        page = reverse("integrations:connection", kwargs={"uuid": uuid})
        again = opening(page, label=gettext("Back to the connection"))
        if error.remedy is Remedy.REAUTHORIZE:
            again = changing(connection, "reconnect", label=gettext("Reconnect"))
        return problem(request, error, connection.registration, again=again)
    context = {
        "card": connection_card(connection),
        "feature": feature,
        "trial": trial,
        "summary": summarise(trial.text),
    }
    return render(request, "integrations/try_feature.html", context)


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


def _feature_that_is_on(connection: Connection, slug: str) -> Feature:
    provider = PROVIDERS.get(connection.registration.provider)
    on = provider.features_of(connection.scope)[0] if provider else ()
    for feature in on:
        if feature.slug == slug and feature.test_path:
            return feature
    raise Http404


def _farewell(ended: Disconnected, *, provider: str) -> str:
    match ended.remote:
        case "revoked":
            return f"{provider} is disconnected. {provider} confirmed that the access has ended."
        case "pending":
            return f"{provider} is disconnected. {provider} could not be told yet; the hub keeps trying."
        case _:
            return f"{provider} is disconnected. Remove the hub on {provider}'s own page, too."
