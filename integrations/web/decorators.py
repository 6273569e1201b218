"""What stands before a view."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, cast

from allauth.account.decorators import reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext

from integrations.flows import access
from integrations.flows.errors import ConnectionUnusable, NotConnected, ScopeMissing
from integrations.oauth.errors import OAuthError, Remedy
from integrations.web.addresses import HttpResponseSeeOther, safe_path, with_next
from integrations.web.attempts import changing, opening
from integrations.web.own import own_connection
from integrations.web.problem import problem
from integrations.web.visitor import ConnectedRequest, PersonRequest

type View[R: HttpRequest, **P] = Callable[Concatenate[R, P], HttpResponseBase]


def action_of[**P](page: str) -> Callable[[View[PersonRequest, P]], View[HttpRequest, P]]:
    """A POST by a signed-in person. Whoever arrives by GET, or must sign in first, goes to the page it belongs to.

    `page` is a URL name that takes the same arguments as the view.
    """

    def decorate(view: View[PersonRequest, P]) -> View[HttpRequest, P]:
        @wraps(view)
        def wrapper(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            address = reverse(page, args=args, kwargs=kwargs)
            if request.method in ("GET", "HEAD"):
                return redirect(address)
            if request.method != "POST":
                return HttpResponseNotAllowed(["POST"])
            if not request.user.is_authenticated:
                return redirect_to_login(address)
            return view(cast(PersonRequest, request), *args, **kwargs)

        return wrapper

    return decorate


def requires_feature[**P](provider: str, feature: str) -> Callable[[View[ConnectedRequest, P]], View[HttpRequest, P]]:
    """Let a person in whose connection at `provider` has `feature`, as `request.connection`.

    Others are asked to sign in, or for consent to just that, and come back to where they were. A form that was
    being sent is not sent again: they come back to the page of the connection. In tasks and commands use
    `flows.access.require_feature`. An OAuthError that the view raises becomes the page that says what to do.
    """

    def decorate(view: View[ConnectedRequest, P]) -> View[HttpRequest, P]:
        @login_required
        @wraps(view)
        def wrapper(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            connected = cast(ConnectedRequest, request)
            try:
                connected.connection = access.require_feature(connected.user.pk, provider, feature)
            except (NotConnected, ScopeMissing, ConnectionUnusable) as error:
                return _to_consent(request, error, path=access.consent_path(provider, feature))
            try:
                return view(connected, *args, **kwargs)
            except OAuthError as error:
                return _stopped(connected, error, path=access.consent_path(provider, feature))

        return wrapper

    return decorate


def reauthenticated[**P](view: View[PersonRequest, P]) -> View[HttpRequest, P]:
    """A page whose button does what cannot be undone: to open it, a person proves once more who they are.

    A POST that comes when the proof is out of date is not kept and sent later, as allauth would: the page is asked for
    again, so that what happens has just been read.
    """
    protected = login_required(reauthentication_required(view))

    @wraps(view)
    def wrapper(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            return cast(HttpResponseBase, protected(request, *args, **kwargs))
        except ReauthenticationRequired:
            if request.method in ("GET", "HEAD"):
                raise
            return HttpResponseSeeOther(request.path)

    return wrapper


def no_referrer[**P](view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    """For addresses that carry a code or a state: they are told to nobody (RFC 9700 §4.2.4)."""

    @wraps(view)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        response = view(*args, **kwargs)
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    return wrapper


def _to_consent(request: HttpRequest, error: OAuthError, *, path: str) -> HttpResponse:
    if error.code == "registration_disabled":
        return problem(request, error)
    return redirect(with_next(path, next_path=_here(request)))


def _stopped(request: ConnectedRequest, error: OAuthError, *, path: str) -> HttpResponse:
    """Ask the person for what only they can give; else say what is wrong, and offer the page once more."""
    connection = own_connection(request, str(request.connection.uuid))
    if isinstance(error, ScopeMissing | NotConnected):
        # Of this connection: another one that has the scope would send them back here, and so on without end.
        return _to_consent(request, error, path=f"{error.consent_path}&connection={connection.uuid}")
    if error.remedy is Remedy.REAUTHORIZE and not connection.is_usable:
        return _to_consent(request, error, path=f"{path}&connection={connection.uuid}")
    again = changing(connection, "reconnect", next_path=_here(request), label=gettext("Reconnect"))
    if error.remedy is Remedy.RETRY:
        again = opening(_here(request) or reverse("integrations:connection", kwargs={"uuid": connection.uuid}))
    return problem(request, error, connection.registration, again=again)


def _here(request: HttpRequest) -> str:
    """Where to come back to; a form that was being sent is not sent again."""
    return safe_path(request.get_full_path()) if request.method in ("GET", "HEAD") else ""
