import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from integrations import vault
from integrations.flows.clients import redirect_uri
from integrations.models import ClientRegistration, Event
from tests.factories import make_registration
from tests.fakes.authorization_server import FakeAuthorizationServer

pytestmark = pytest.mark.django_db
SECRET = "canary-secret-0123456789"
ORIGIN = "origin=http://127.0.0.1:8000"


@pytest.fixture
def secret_file(tmp_path: Path) -> str:
    path = tmp_path / "secret"
    path.write_text(SECRET + "\n")
    return str(path)


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("register_client", *arguments, stdout=out)
    return out.getvalue()


def refused(*arguments: str) -> CommandError:
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    return caught.value


def type_in(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


@pytest.mark.requirement(92, 98)
def test_a_registration_is_made_and_its_redirect_uri_printed(secret_file: str) -> None:
    out = run("sandbox", "--client-id", "hub", "--client-secret-file", secret_file, "--variable", ORIGIN)

    registration = ClientRegistration.objects.get()
    assert (registration.slug, registration.client_id) == ("sandbox", "hub")
    assert registration.variables == {"origin": "http://127.0.0.1:8000"}
    assert vault.open_client_secret(registration) == SECRET
    assert redirect_uri(registration) in out.splitlines()
    assert SECRET not in out
    assert Event.objects.get().actor == "register_client"


def test_the_secret_is_read_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, SECRET + "\n")

    run("sandbox", "--client-id", "hub", "--variable", ORIGIN)

    assert vault.open_client_secret(ClientRegistration.objects.get()) == SECRET


@pytest.mark.requirement(98)
def test_the_secret_cannot_be_an_argument() -> None:
    with pytest.raises(CommandError, match="unrecognized arguments"):
        run("sandbox", "--client-id", "hub", "--client-secret=" + SECRET)


def test_the_same_command_twice_leaves_the_same_registration(secret_file: str) -> None:
    arguments = (
        *("sandbox", "--slug", "mine", "--client-id", "hub", "--client-secret-file", secret_file),
        *("--variable", ORIGIN, "--scope", "notes:read", "--scope", "notes:write"),
    )
    columns = ("slug", "provider", "client_id", "variables", "extra_scope", "enabled", "token_endpoint_auth_method")

    first = run(*arguments)
    before = ClientRegistration.objects.values(*columns).get()
    second = run(*arguments)

    assert first.startswith("Registered")
    assert second.startswith("Changed")
    assert ClientRegistration.objects.values(*columns).get() == before
    assert before["extra_scope"] == "notes:read notes:write"


def test_what_is_not_said_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    registration = make_registration(
        slug="mine", client_secret=SECRET, extra_scope="notes:read", enabled=False, client_id="old"
    )
    type_in(monkeypatch, "")

    run("sandbox", "--slug", "mine", "--client-id", "new")

    before, now = registration, ClientRegistration.objects.get()
    assert now.client_id == "new"
    assert vault.open_client_secret(now) == SECRET
    assert (now.variables, now.extra_scope, now.enabled) == (before.variables, "notes:read", False)


@pytest.mark.requirement(61)
def test_a_stored_secret_is_not_taken_to_a_new_address(monkeypatch: pytest.MonkeyPatch) -> None:
    make_registration(slug="mine", origin="http://127.0.0.1:1")
    type_in(monkeypatch, "")

    error = refused("sandbox", "--slug", "mine", "--variable", "origin=http://127.0.0.1:2")

    assert "origin" in str(error)
    assert ClientRegistration.objects.get().variables == {"origin": "http://127.0.0.1:1"}


def test_what_each_person_can_enter_is_optional(secret_file: str) -> None:
    run("shopify", "--client-id", "hub", "--client-secret-file", secret_file)
    open_to_all = ClientRegistration.objects.get().variables
    run("shopify", "--client-id", "hub", "--client-secret-file", secret_file, "--variable", "shop=acme")
    fixed = ClientRegistration.objects.get().variables
    run("shopify", "--client-id", "hub", "--client-secret-file", secret_file, "--variable", "shop=")

    assert (open_to_all, fixed, ClientRegistration.objects.get().variables) == ({}, {"shop": "acme"}, {})
    assert "--variable shop=acme (optional: without it each person enters their own)" in run("--list-providers")


def test_a_public_client_has_no_secret() -> None:
    run("sandbox", "--client-id", "hub", "--variable", ORIGIN, "--token-endpoint-auth-method", "none")

    assert not ClientRegistration.objects.get().has_client_secret


@pytest.mark.requirement(60)
def test_a_provider_with_discovery_is_asked(provider_server: FakeAuthorizationServer, secret_file: str) -> None:
    issuer = f"issuer={provider_server.origin}"
    provider_server.conduct.metadata = {"issuer": "https://evil.example.test"}

    error = refused("oidc", "--client-id", "hub", "--client-secret-file", secret_file, "--variable", issuer)

    assert error.returncode == 1
    assert not ClientRegistration.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param((), "--list-providers", id="no provider"),
        pytest.param(("nonsense", "--client-id", "x"), "nonsense", id="unknown provider"),
        pytest.param(("sandbox", "--variable", ORIGIN), "--client-id", id="no client_id"),
        pytest.param(("sandbox", "--client-id", "x", "--variable", "origin"), "NAME=VALUE", id="no value"),
        pytest.param(
            ("sandbox", "--client-id", "x", "--variable", "origin=http://evil.example"), "origin", id="wrong value"
        ),
        pytest.param(("sandbox", "--client-id", "x", "--variable", "wat=1"), "wat", id="unknown variable"),
        pytest.param(
            ("sandbox", "--client-id", "x", "--client-secret-file", "/nowhere"), "cannot be read", id="no such file"
        ),
    ],
)
def test_wrong_usage_is_told_with_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    type_in(monkeypatch, SECRET)

    error = refused(*arguments)

    assert error.returncode == 2
    assert told in str(error)
    assert SECRET not in str(error)
    assert not ClientRegistration.objects.exists()


def test_a_missing_secret_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, "")

    error = refused("sandbox", "--client-id", "x", "--variable", ORIGIN)

    assert "client_secret" in str(error)


def test_a_slug_of_another_provider_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    make_registration(slug="mine")
    type_in(monkeypatch, SECRET)

    assert "registered at sandbox" in str(refused("github", "--slug", "mine", "--client-id", "x"))


def test_the_catalogue_is_listed_with_its_variables() -> None:
    out = run("--list-providers")

    assert "github" in out
    assert "--variable origin=http://127.0.0.1:8000" in out


@pytest.mark.requirement(76)
def test_refreshes_a_minute_are_capped_and_the_cap_stays_until_it_is_taken_back(secret_file: str) -> None:
    arguments = ("sandbox", "--client-id", "hub", "--client-secret-file", secret_file, "--variable", ORIGIN)
    caps = []
    for more in (("--token-requests-per-minute", "90"), (), ("--token-requests-per-minute", "0")):
        run(*arguments, *more)
        caps.append(ClientRegistration.objects.get().token_requests_per_minute)

    assert caps == [90, 90, None]
    assert "--token-requests-per-minute" in str(refused(*arguments, "--token-requests-per-minute", "-1"))
    assert refused(*arguments, "--token-requests-per-minute", "1000000").returncode == 2
