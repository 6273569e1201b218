"""To the provider, and back."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import DisallowedRedirect
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from integrations.flows import connect, connect_link
from integrations.flows.connect import Completed
from integrations.flows.errors import ConnectRefused
from integrations.models import ClientRegistration, Connection, ConnectLink
from integrations.oauth.errors import OAuthError, printable
from integrations.providers import PROVIDERS
from integrations.providers.variable import Variable
from integrations.web.addresses import HttpResponseSeeOther, origin_of, safe_path, with_next
from integrations.web.attempts import Again, beginning, changing, recall, remember
from integrations.web.decorators import action_of, no_referrer
from integrations.web.forms import FeaturesForm
from integrations.web.outcome import outcome_of
from integrations.web.own import own_connection
from integrations.web.presentation import provider_name
from integrations.web.problem import kept_problem, problem, problem_elsewhere
from integrations.web.views.catalogue import render_choice
from integrations.web.visitor import PersonRequest, browser_of, client_address, request_id_of


@never_cache
@action_of("integrations:provider")
def begin(request: PersonRequest, slug: str) -> HttpResponse:
    """Leave for the provider, to connect an account."""
    registration = get_object_or_404(ClientRegistration, slug=slug)
    form = _features_form(request, registration, new=True)
    if not form.is_valid():
        return _choose_again(request, registration, form)
    features = tuple(form.cleaned_data["features"])
    again = beginning(registration, features=features, next_path=_next(request), answers=form.answers)
    return leave(request, registration, features=features, variables=form.variables, again=again)


@never_cache
@action_of("integrations:connection")
def enable(request: PersonRequest, uuid: str) -> HttpResponse:
    """Leave for the provider, to allow one more feature on a connection."""
    connection = own_connection(request, uuid)
    form = _features_form(request, connection.registration)
    if not form.is_valid() or not form.cleaned_data["features"]:
        messages.error(request, gettext("That feature is not on offer any more. Choose again."))
        return redirect("integrations:connection", uuid=uuid)
    features = {*connection.requested_features, *form.cleaned_data["features"]}
    return leave(
        request,
        connection.registration,
        features=features & _on_offer(connection.registration),
        connection=connection,
        again=changing(connection, "enable", features=tuple(form.cleaned_data["features"]), next_path=_next(request)),
    )


@never_cache
@action_of("integrations:connection")
def reconnect(request: PersonRequest, uuid: str) -> HttpResponse:
    """Leave for the provider, to renew a connection with the features it was given."""
    connection = own_connection(request, uuid)
    return leave(
        request,
        connection.registration,
        features={*connection.requested_features} & _on_offer(connection.registration),
        connection=connection,
        again=changing(connection, "reconnect", next_path=_next(request)),
    )


@never_cache
@no_referrer
@require_GET
def callback(request: HttpRequest, slug: str) -> HttpResponse:
    """Take the authorization response. After signing in nobody is sent back here: the attempt may be foreign."""
    if not request.user.is_authenticated:
        messages.warning(request, gettext("Sign in first, then start connecting again."))
        return redirect_to_login(reverse("integrations:connections"))
    registration = ClientRegistration.objects.filter(slug=slug).first()
    if registration is None:
        return problem_elsewhere(request, ConnectRefused("No provider answers here."))
    person = cast(PersonRequest, request)
    again = recall(person, registration)
    try:
        completed = connect.complete(
            user=person.user,
            browser=browser_of(request),
            registration=registration,
            pairs=[(name, value) for name, values in request.GET.lists() for value in values],
            now=timezone.now(),
            ip=client_address(request),
            user_agent=printable(request.headers.get("User-Agent", "")),
            request_id=request_id_of(request),
        )
    except OAuthError as error:
        return problem_elsewhere(request, error, registration, again=again)
    return HttpResponseSeeOther(_after(request, completed))


@never_cache
@require_safe
@login_required
def problem_page(request: HttpRequest) -> HttpResponse:
    """Why the last way back led nowhere; the list of connections when it did not."""
    return kept_problem(request) or redirect("integrations:connections")


@no_referrer
def leave(
    request: PersonRequest,
    registration: ClientRegistration,
    *,
    features: Collection[str],
    variables: Mapping[str, str] = MappingProxyType({}),
    connection: Connection | None = None,
    link: ConnectLink | None = None,
    again: Again,
    return_to: str = "",
) -> HttpResponse:
    """Hand the browser over with a page, not a redirect; a `link` that led here is used up by that.

    Chromium holds a form's whole chain of redirects against `form-action`, and providers send people on to origins
    nobody can list: their sign-in, their workspace, their company's. A page that refreshes starts a new navigation.
    """
    try:
        url = connect.begin(
            user=request.user,
            browser=browser_of(request),
            registration=registration,
            features=features,
            variables=variables,
            connection=connection,
            link=link,
            return_to=return_to or again.next,
            now=timezone.now(),
            ip=client_address(request),
            request_id=request_id_of(request),
        )
    except OAuthError as error:
        if link is not None:
            connect_link.reopen(link)
        return problem(request, error, registration, again=again)
    remember(request, registration, authorization_url=url, again=again)
    origin = origin_of(url)
    if not origin:
        raise DisallowedRedirect("the authorization endpoint is not on the web")
    context = {
        "authorization_url": url,
        "host": origin.partition("://")[2],
        "provider": provider_name(registration),
    }
    response = render(request, "integrations/leave.html", context)
    response.headers["Refresh"] = f"0;url={url}"
    return response


def _next(request: HttpRequest) -> str:
    """Where to go afterwards; an address that is not ours counts as none."""
    return safe_path(request.POST.get("next", ""))


def _features_form(request: HttpRequest, registration: ClientRegistration, *, new: bool = False) -> FeaturesForm:
    """What was chosen; of a `new` connection also what the provider asks of persons. Others stay where they are."""
    provider = PROVIDERS.get(registration.provider)
    if provider is None:
        raise Http404
    questions: tuple[Variable, ...] = provider.questions(registration.variables) if new else ()
    return FeaturesForm(request.POST, provider=provider, questions=questions)


def _choose_again(request: PersonRequest, registration: ClientRegistration, form: FeaturesForm) -> HttpResponse:
    if "features" in form.errors or not registration.enabled:
        messages.error(request, gettext("That choice is not on offer any more. Choose again."))
        return redirect("integrations:provider", slug=registration.slug)
    wanted = form.cleaned_data["features"]
    return render_choice(request, registration, wanted=wanted, form=form, next_path=_next(request))


def _on_offer(registration: ClientRegistration) -> frozenset[str]:
    provider = PROVIDERS.get(registration.provider)
    return frozenset(feature.slug for feature in provider.features) if provider else frozenset()


def _after(request: HttpRequest, completed: Completed) -> str:
    """On to where the person was going if all is as they asked, else to a page that says what is not."""
    onwards = safe_path(completed.return_to)
    if onwards and not (completed.missing or completed.lost or completed.unexpected):
        outcome = outcome_of(completed.connection)
        if outcome is not None:
            messages.success(request, outcome.in_one_line)
        return onwards
    page = reverse("integrations:connected", kwargs={"uuid": completed.connection.uuid})
    return with_next(page, next_path=onwards)
