"""The OpenAPI document is true: schemathesis asks whatever it allows, and more, of the application itself."""

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, Phase
from pytest_django import Settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from integrations.api.codes import CODES
from integrations.api.urls import api
from tests.api.calling import PREFIX, program_of
from tests.api.matrix import routes
from tests.factories import make_connection, make_registration, make_user
from tests.lending import make_allowance


def no_fault(context: Any, response: Any, case: Any) -> None:
    """503 is an answer: the provider of these connections is not there."""
    assert response.status_code != 500


CHECKS = [
    no_fault,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]
EXAMPLES = 20


def document() -> Any:
    return Client().get(f"{PREFIX}/openapi.json").json()


@pytest.fixture
def application(db: None) -> Iterator[WSGIHandler]:
    """The application as a server calls it, but that it leaves the test's own connection to the database open."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield WSGIHandler()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize("route", routes(), ids=str)
def test_nothing_that_is_asked_is_answered_otherwise_than_documented(
    route: Any, settings: Settings, application: WSGIHandler
) -> None:
    settings.HUB_API_REQUESTS_PER_MINUTE = 1_000_000
    connection = make_connection(owner=make_user(), registration=make_registration(slug="here"))
    make_allowance(connection)
    schema = schemathesis.openapi.from_wsgi(f"{PREFIX}/openapi.json", application)
    operation = schema[route.path][route.method]
    headers = {"Authorization": f"Bearer {program_of(connection.owner).token}", "Host": "testserver"}

    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        if hasattr(case.path_parameters, "get") and "uuid" in (case.path_parameters or {}) and not case.query:
            case.path_parameters = {**case.path_parameters, "uuid": str(connection.uuid)}
        case.call_and_validate(headers=headers, checks=CHECKS)

    ask()


def test_every_code_is_documented_somewhere_and_no_other() -> None:
    documented = {code for route in routes() for code in route.codes}
    # What any address can answer, and what none should.
    assert documented == set(CODES) - {"method_not_allowed", "internal_error"}


def test_document_is_made_once_and_not_sent_to_whoever_has_it() -> None:
    assert api.described() is api.described()
    first = Client().get(f"{PREFIX}/openapi.json")
    again = Client().get(f"{PREFIX}/openapi.json", headers={"If-None-Match": first["ETag"], "Accept-Language": "de"})
    assert (first.status_code, first["Content-Type"]) == (200, "application/json; charset=utf-8")
    assert (again.status_code, again.content) == (304, b"")
    assert Client().post(f"{PREFIX}/openapi.json").status_code == 405


def test_document_names_the_scope_of_each_route() -> None:
    found = document()
    scheme = found["components"]["securitySchemes"]["hub"]
    assert (found["openapi"], scheme["type"]) == ("3.1.0", "oauth2")
    assert "Use the accounts" in scheme["flows"]["authorizationCode"]["scopes"]["connections:borrow"]
    assert all(operation["security"] for methods in found["paths"].values() for operation in methods.values())


def test_examples_fit_their_schemas() -> None:
    schema = schemathesis.openapi.from_dict(document())
    for route in routes():
        operation = schema[route.path][route.method]
        for _status, definition in operation.responses.items():
            for content in definition.definition.get("content", {}).values():
                assert "example" in content or "examples" in content, route
