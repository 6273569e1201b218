"""Requests of programs go a shorter way than pages: what is passed by, and what is not."""

import pytest
from django.test import Client
from django.utils import translation

from tests.api.test_bearer import make_token
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def test_session_counts_for_nothing_and_is_not_touched(client: Client) -> None:
    client.force_login(make_user())
    response = client.get("/api/v1/me")
    assert response.status_code == 401
    assert not response.cookies


def test_security_headers_and_request_log_stay(client: Client) -> None:
    response = client.get("/api/v1/me", headers={"Authorization": f"Bearer {make_token(user=make_user())}"})
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Content-Length"] == str(len(response.content))
    assert response.wsgi_request.META["hub.request_id"]


def test_no_browser_shows_what_a_program_is_answered(client: Client) -> None:
    answers = [client.get(path) for path in ("/api/v1/me", "/api/nothing", "/api/v1/openapi.json", "/api/v1/me%00")]
    answers.append(client.get("/api/v1/me", headers={"Host": "evil.example"}))
    assert [answer.status_code for answer in answers] == [401, 404, 200, 400, 400]
    for answer in answers:
        assert answer["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert "script-src 'self'" in client.get("/api/v1/docs")["Content-Security-Policy"]


def test_errors_are_for_programs(client: Client) -> None:
    for path in ("/api/", "/api/v1/nothing"):
        response = client.get(path)
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
        assert response["Content-Type"] == "application/problem+json"


def test_host_that_is_not_ours_is_refused(client: Client) -> None:
    assert client.get("/api/v1/me", headers={"Host": "evil.example"}).status_code == 400


def test_language_of_whoever_came_before_is_not_the_apis(client: Client) -> None:
    translation.activate("de")
    client.get("/api/v1/me")
    assert translation.get_language() == "en-gb"


def test_pages_do_not_notice(client: Client) -> None:
    response = client.get("/accounts/login/", headers={"Accept-Language": "de"})
    assert response["Content-Language"] == "de"
    assert client.get("/apix/").status_code == 404
    assert client.get("/apix/")["Content-Type"].startswith("text/html")
