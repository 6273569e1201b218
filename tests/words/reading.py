"""Read the hub's pages as somebody who has asked for German, and see what is wrong with their words."""

from typing import Any, cast

from django.http import HttpResponse
from django.test import Client

from tests.words.pseudo import rude, untranslated

#: Written without ASCII, so that none of it is taken for a word of ours.
NAME, ACCOUNT = "ωμέγα", "Ωμέγα"


def german() -> Client:
    return Client(headers={"accept-language": "de"}, raise_request_exception=False)


def words_of(response: Any) -> list[str]:
    """What is wrong with the words of a page: not translated, or not polite. What is no page has no words."""
    if not response.headers.get("Content-Type", "").startswith("text/html"):
        return []
    page = cast(HttpResponse, response).content.decode()
    return untranslated(page) + rude(page)
