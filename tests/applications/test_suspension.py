"""While an application is switched off it has nothing, and nobody gives it more."""

from typing import Any

import pytest
from django.db import connection
from oauth2_provider.models import Application

from hub.applications.suspension import resume, suspend
from integrations.models import Allowance
from tests.applications.asking import browser_of
from tests.authorization_server.steps import call, make_application, token_request
from tests.factories import make_connection, make_user
from tests.lending import make_allowance

pytestmark = pytest.mark.django_db


@pytest.mark.requirement(100)
def test_a_token_that_is_made_while_it_is_switched_off_is_worth_nothing_then_or_later() -> None:
    application = make_application("robot", grant_type=Application.GRANT_CLIENT_CREDENTIALS)

    checks: list[str] = []

    def meanwhile(execute: Any, sql: str, *args: Any) -> Any:
        """An operator switches it off as soon as the request has seen that it is on."""
        found = execute(sql, *args)
        if "applications_suspension" in sql and not checks:
            checks.append(sql)
            suspend(application, operator="operator", reason="")
        return found

    with connection.execute_wrapper(meanwhile):
        answer = token_request(client_id="robot", grant_type="client_credentials").json()

    assert call("/api/v1/me", answer["access_token"]).status_code == 401
    resume(application)
    assert call("/api/v1/me", answer["access_token"]).status_code == 401
    after = token_request(client_id="robot", grant_type="client_credentials").json()["access_token"]
    assert not resume(application)
    assert call("/api/v1/me", after).status_code == 200


@pytest.mark.requirement(112)
def test_nobody_allows_anything_to_what_is_off_and_anybody_takes_it_back() -> None:
    application, user = make_application(), make_user("user")
    shared, kept = make_connection(owner=user), make_connection(owner=user)
    make_allowance(shared, features=["profile"])
    suspend(application, operator="operator", reason="")
    browser, address = browser_of(user), "/applications/authorized/client-1/"

    shown = browser.get(address)
    posted = browser.post(address, {"allowed": [f"{row.uuid}:profile" for row in (shared, kept)]}, follow=True)

    assert 'name="allowed"' not in shown.content.decode() and shared.title in shown.content.decode()
    assert "Nothing was changed" in posted.content.decode()
    assert Allowance.objects.get().connection == shared
    browser.post("/applications/authorized/client-1/remove/")
    assert not Allowance.objects.exists()
