"""The hub's addresses and two pages of an application that needs a feature."""

from django.http import HttpResponse
from django.urls import include, path

from integrations.flows import access
from integrations.web.decorators import requires_feature
from integrations.web.visitor import ConnectedRequest


@requires_feature("sandbox", "notes.read")
def report(request: ConnectedRequest, year: int) -> HttpResponse:
    return HttpResponse(f"report of {year} for {request.connection.account_label}")


@requires_feature("sandbox", "notes.read")
def agenda(request: ConnectedRequest) -> HttpResponse:
    scope = request.GET.get("scope", "notes:read").split()
    with access.session(request.connection, scope=scope) as session:
        return HttpResponse(session.get("/notes").text)


@requires_feature("sandbox", "no.such.feature")
def mistaken(request: ConnectedRequest) -> HttpResponse:
    return HttpResponse("never")


urlpatterns = [
    path("reports/<int:year>/", report, name="report"),
    path("agenda/", agenda),
    path("mistaken/", mistaken),
    path("", include("hub.urls")),
]
