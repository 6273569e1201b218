"""Headers every page carries, the error pages included."""

from collections.abc import Iterator

import pytest
from django.http import HttpResponse
from django.test import Client

from tests.web.person import Person


def pages(person: Person) -> Iterator[HttpResponse]:
    connection = person.connect("notes.read")
    yield from (
        person.get("/connections/"),
        person.get("/connections/new/"),
        person.get("/connections/new/sandbox/"),
        person.get("/connections/consent/?provider=sandbox&feature=notes.write"),
        person.get("/connections/callback/sandbox/?code=x&state=y"),
        person.get(person.page(connection)),
        person.get(person.page(connection, "disconnect")),
        person.get("/connections/new/nothing/"),
        person.post("/connections/begin/sandbox/"),
        person.post(person.page(connection, "enable"), features="notes.write"),
        person.post(person.page(connection, "try"), feature="notes.read"),
        person.come_back(person.begin()),
    )


def policy_of(response: HttpResponse) -> dict[str, str]:
    directives = response.headers["Content-Security-Policy"].split("; ")
    return {name: value for name, _, value in (directive.partition(" ") for directive in directives)}


@pytest.mark.requirement(130)
def test_no_page_can_be_framed(person: Person) -> None:
    for page in pages(person):
        assert policy_of(page)["frame-ancestors"] == "'none'", page
        assert page.headers["X-Frame-Options"] == "DENY", page


@pytest.mark.requirement(131)
def test_no_page_runs_inline_script_or_sends_forms_elsewhere(person: Person) -> None:
    for page in pages(person):
        policy = policy_of(page)
        assert "unsafe" not in page.headers["Content-Security-Policy"], page
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
        body = page.content.decode()
        assert "style=" not in body and "onclick=" not in body
        assert all("src=" in tag for tag in body.split("<script")[1:])


@pytest.mark.requirement(130)
def test_error_pages_of_the_frame_carry_the_same(person: Person) -> None:
    strict = Client(enforce_csrf_checks=True, raise_request_exception=False)
    refused = strict.post("/connections/begin/sandbox/")
    damaged = strict.get("/connections/", headers={"Host": "evil.example"})

    for page, status in ((refused, 403), (damaged, 400)):
        assert page.status_code == status
        assert policy_of(page)["frame-ancestors"] == "'none'"  # type: ignore[arg-type]
    assert refused.headers["X-Frame-Options"] == "DENY"
