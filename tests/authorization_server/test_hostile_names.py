"""A client's name, and what a request holds, stand on the consent page as text and nothing else."""

from html import unescape

import pytest
from django.test import Client

from tests.authorization_server.steps import authorization_request, make_application
from tests.factories import make_user
from tests.web.test_hostile_text import CONTROLS, VECTORS, assert_harmless

pytestmark = pytest.mark.django_db


def open_page(*, name: str = "Example Client", **changes: str | None) -> str:
    make_application(name=name)
    browser = Client()
    browser.force_login(make_user())
    return browser.get("/oauth/authorize/", authorization_request(**changes)).content.decode()


@pytest.mark.requirement(132)
@pytest.mark.parametrize("vector", [*VECTORS, CONTROLS.replace("\x00", ""), "Bank\u202egro.knab"])
def test_the_name_of_a_client(vector: str) -> None:
    page = open_page(name=vector)

    assert_harmless(page, vector)


@pytest.mark.requirement(132)
@pytest.mark.parametrize("name", ["", "\u202e\u2066", "   "])
def test_a_client_without_a_name_that_can_be_read_is_called_so(name: str) -> None:
    assert "Allow Unnamed client?" in " ".join(
        unescape(open_page(name=name)).replace("<bdi>", "").replace("</bdi>", "").split()
    )


@pytest.mark.requirement(132)
@pytest.mark.parametrize("vector", [*VECTORS, CONTROLS.replace("\x00", "")])
@pytest.mark.parametrize("parameter", ["scope", "redirect_uri", "client_id", "response_type", "code_challenge_method"])
def test_what_a_request_asks(parameter: str, vector: str) -> None:
    page = open_page(**{parameter: vector})

    assert_harmless(page, vector)


@pytest.mark.requirement(132)
def test_nothing_is_loaded_from_a_client() -> None:
    page = open_page()

    assert "<img" not in page
    assert page.count("client.example") == page.count("https://client.example/callback") + page.count(
        "<bdi>client.example</bdi>"
    )
