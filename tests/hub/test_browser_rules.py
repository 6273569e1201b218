"""What every page tells the browser, and what happens to the session at sign-in."""

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

PAGES = (
    "/accounts/login/",
    "/accounts/password/reset/",
    "/admin/",
    "/admin/login/",
    "/admin/integrations/connection/",
    "/connections/",
    "/connections/new/",
    "/oauth/authorize/",
    "/no/such/page/",
)


@pytest.fixture
def operator() -> User:
    return User.objects.create_superuser("operator", password="a long enough word")


def directives(response: HttpResponse) -> dict[str, str]:
    """The content security policy, by directive."""
    policy = response.headers["Content-Security-Policy"]
    return {name: values for name, _, values in (part.strip().partition(" ") for part in policy.split(";"))}


@pytest.mark.requirement(130, 131)
@pytest.mark.django_db
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("signed_in", [True, False], ids=["signed in", "anonymous"])
def test_no_page_may_be_framed_or_run_inline_code(
    client: Client, operator: User, page: str, *, signed_in: bool
) -> None:
    if signed_in:
        client.force_login(operator)

    response = client.get(page)

    assert response.status_code < 500
    assert response.headers["X-Frame-Options"] == "DENY"
    assert directives(response)["frame-ancestors"] == "'none'"  # type: ignore[arg-type]
    assert directives(response)["default-src"] == "'none'"  # type: ignore[arg-type]
    assert "unsafe" not in response.headers["Content-Security-Policy"]


@pytest.mark.requirement(130)
def test_a_page_under_a_forged_host_may_not_be_framed_either(client: Client) -> None:
    response = client.get("/accounts/login/", headers={"Host": "forged.example"})

    assert response.status_code == 400
    assert response.headers["X-Frame-Options"] == "DENY"
    assert "forged.example" not in response.content.decode()


@pytest.mark.parametrize("mail", ["", "smtp://localhost:25"])
@pytest.mark.django_db
def test_a_link_by_mail_is_offered_where_mail_goes_out(client: Client, settings: Settings, mail: str) -> None:
    settings.EMAIL_URL = mail

    page = client.get("/accounts/login/").content.decode()

    assert ("Forgotten your password?" in page) is bool(mail)


@pytest.mark.requirement(129)
@pytest.mark.django_db
def test_the_session_gets_another_id_at_sign_in(client: Client, operator: User, settings: Settings) -> None:
    client.get("/accounts/login/")
    session = client.session
    session["planted"] = "before sign-in"
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key  # type: ignore[assignment]
    before = session.session_key

    client.post("/accounts/login/", {"login": "operator", "password": "a long enough word"})

    assert client.session.session_key != before
    assert client.session["_auth_user_id"] == str(operator.pk)
    assert not client.session.exists(before)  # type: ignore[arg-type]


@pytest.mark.requirement(129)
@pytest.mark.django_db
def test_the_session_gets_another_id_with_another_password(client: Client, operator: User) -> None:
    client.force_login(operator)
    before = client.session.session_key
    words = {
        "oldpassword": "a long enough word",
        "password1": "another long word",
        "password2": "another long word",
    }

    response = client.post("/accounts/password/change/", words)

    assert response.status_code == 302
    assert client.session.session_key != before


@pytest.mark.django_db
def test_nobody_signs_up_where_sign_up_is_closed(client: Client) -> None:
    form = {
        "username": "walk-in",
        "email": "walk@in.example",
        "password1": "a long enough word",
        "password2": "a long enough word",
    }

    client.post("/accounts/signup/", form)

    assert not User.objects.filter(username="walk-in").exists()


@pytest.mark.django_db
def test_admin_signs_in_through_the_page_with_the_rate_limits(client: Client) -> None:
    response = client.get("/admin/login/")

    assert response.status_code == 302
    assert response.headers["Location"].startswith("/accounts/login/")


@pytest.mark.django_db
def test_guessing_passwords_is_limited(client: Client, operator: User) -> None:
    wrong = {"login": "operator", "password": "a wrong word"}
    for _ in range(12):
        client.post("/accounts/login/", wrong)

    response = client.post("/accounts/login/", {"login": "operator", "password": "a long enough word"})

    assert "_auth_user_id" not in client.session, response.status_code


@pytest.mark.django_db
def test_a_person_may_sign_in_by_name_or_by_address(client: Client) -> None:
    User.objects.create_user("ann", email="ann@example.org", password="a long enough word")

    for login in ("ann", "ann@example.org"):
        client.logout()
        client.post("/accounts/login/", {"login": login, "password": "a long enough word"})

        assert "_auth_user_id" in client.session
