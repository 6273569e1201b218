"""Each code on the page: what happened, whether it changed anything, what to do, a way back that leads somewhere."""

import re

import pytest
from django.utils.html import escape

from integrations.oauth.errors import Remedy
from integrations.web.errors import BY_CODE
from integrations.web.problem import KEY
from tests.web.person import Person


def stumble(person: Person, code: str, **kept: object) -> None:
    """Leave a problem where the way back from a provider leaves it."""
    session = person.client.session
    defaults = {"remedy": Remedy.REAUTHORIZE, "description": "", "said_by_provider": False, "retry_after": None}
    session[KEY] = {"code": code, **defaults, "slug": "sandbox", "again": None, "request_id": "0a1b2c3d4e", **kept}
    session.save()


@pytest.mark.parametrize("code", [*BY_CODE, "something_new"])
def test_a_problem_says_all_four(person: Person, code: str) -> None:
    stumble(person, code)

    page = person.get("/connections/problem/")

    assert page.status_code == 409
    body = page.content.decode()
    assert len(re.findall("<h1>", body)) == 1
    if code in BY_CODE:
        sentences = BY_CODE[code]
        for text in (sentences.title, sentences.happened, sentences.changed, sentences.todo):
            assert escape(str(text).replace("{provider}", "Sandbox")) in body
    assert "{provider}" not in body
    assert "0a1b2c3d4e" in page.content.decode()
    ways = re.findall(r'class="button"[^>]* href="([^"]+)"', body)
    assert ways and all(person.get(way).status_code == 200 for way in ways)


def test_the_code_is_that_of_the_request_that_failed(person: Person) -> None:
    page = person.get("/connections/callback/sandbox/?code=x&state=unknown")
    once = re.findall(r"<code data-varies>(\w+)</code>", page.content.decode())

    again = person.get("/connections/problem/")

    assert re.findall(r"<code data-varies>(\w+)</code>", again.content.decode()) == once != []
