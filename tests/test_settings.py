"""Production refuses to start half set up; the demo refuses to start near production."""

import os
import runpy
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parent.parent
KEY = "k1:" + "A" * 43 + "="
PRODUCTION = {
    "SECRET_KEY": "x7" * 40,
    "HUB_SEALING_KEYS": KEY,
    "ALLOWED_HOSTS": "hub.example.com",
    "SITE_URL": "https://hub.example.com",
    "DATABASE_URL": "postgres://hub@db/hub",
}
NOT_OURS = ("HUB_", "SECRET_KEY", "ALLOWED_HOSTS", "SITE_URL", "DATABASE_URL", "DEBUG", "LOG_", "SECURE_", "EMAIL_")


type Load = Callable[[Mapping[str, str]], dict[str, Any]]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Load:
    """Read the settings anew in the given environment and nothing else of ours."""

    def read(environment: Mapping[str, str]) -> dict[str, Any]:
        for name in list(os.environ):
            if name.startswith(NOT_OURS):
                monkeypatch.delenv(name)
        for name, value in {"HUB_VAR_DIRECTORY": str(tmp_path / "var"), **environment}.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(ROOT / "hub" / "settings.py"))

    return read


@pytest.mark.parametrize("name", PRODUCTION)
def test_production_refuses_to_start_without(load: Load, name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"{name} is not set. Make one so: .+"):
        load({key: value for key, value in PRODUCTION.items() if key != name})


@pytest.mark.parametrize("name", PRODUCTION)
def test_production_refuses_an_empty(load: Load, name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"{name} is not set"):
        load(PRODUCTION | {name: " "})


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("SECRET_KEY", "short", "too weak"),
        ("SECRET_KEY", "django-insecure-" + "x7" * 40, "too weak"),
        ("ALLOWED_HOSTS", "*", "must name the hosts"),
        ("ALLOWED_HOSTS", "hub.example.com, *", "must name the hosts"),
        ("SITE_URL", "http://hub.example.com", "must be https"),
        ("SITE_URL", "hub.example.com", "must be an origin"),
        ("SITE_URL", "https://hub.example.com/path", "must be an origin"),
        ("SITE_URL", "https://hub.example.com?x=1", "must be an origin"),
        ("SITE_URL", "https://user@hub.example.com", "must be an origin"),
        ("SITE_URL", "https://hub.example.com:port", "must be an origin"),
        ("SITE_URL", "ftp://hub.example.com", "must be an origin"),
        ("DATABASE_URL", "mysql://hub@db/hub", "must be SQLite or PostgreSQL"),
        ("EMAIL_URL", "carrier-pigeon://host", "EMAIL_URL must be"),
        ("HUB_MODE", "staging", "HUB_MODE is 'staging'"),
        ("ALLOWED_HOSTS", "https://hub.example.com", "names, not addresses"),
        ("ALLOWED_HOSTS", "other.example.com", "must name the host of SITE_URL"),
        ("DATABASE_URL", "nonsense", "must be SQLite or PostgreSQL"),
        ("DATABASE_URL", "postgres://hub@db:port/hub", "cannot be read"),
        ("EMAIL_URL", "smtp://mail.example.com:abc", "EMAIL_URL must be"),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL must be one of"),
        ("HUB_LEASE_SECONDS", "abc", "must be a whole number from 20 "),
        ("HUB_LEASE_SECONDS", "19", "must be a whole number from 20 "),
        ("HUB_HTTP_DEADLINE_SECONDS", "0", "must be a whole number from 1 "),
        ("HUB_STATE_SECONDS", "601", "must be a whole number"),
        ("HUB_PENDING_LIMIT", "0", "must be a whole number from 1 "),
        ("HUB_TRUSTED_PROXY_COUNT", "-1", "must be a whole number from 0 "),
        ("HUB_DATABASE_POOL_SIZE", "x", "must be a whole number"),
        ("HUB_BROKER_URL", "broker.example.com", "HUB_BROKER_URL must be Redis or RabbitMQ"),
        ("HUB_BROKER_URL", "memory://broker", "HUB_BROKER_URL must be Redis or RabbitMQ"),
        ("HUB_BROKER_URL", "redis://broker:port/0", "HUB_BROKER_URL must be Redis or RabbitMQ"),
        ("HUB_SWEEP_EVERY_SECONDS", "0", "must be a whole number from 1 "),
        ("SECURE_HSTS_SECONDS", "x", "must be a whole number"),
        ("HUB_METRICS_TOKEN", "easily-guessed", "HUB_METRICS_TOKEN needs 20 random"),
        ("HUB_METRICS_TOKEN", "with a blank in it somewhere", "HUB_METRICS_TOKEN needs 20 random"),
        ("HUB_METRICS_ALLOWED_ADDRESSES", "10.1.0.0/16,prometheus", "are addresses or networks"),
        ("HUB_METRICS_ALLOWED_ADDRESSES", "10.1.0.1/16", "are addresses or networks"),
        ("HUB_OTLP_ENDPOINT", "collector:4318", "is the address of a collector"),
        ("SECRET_KEY_FILE", "/no/such/file", "SECRET_KEY_FILE cannot be read"),
    ],
)
def test_production_refuses(load: Load, name: str, value: str, why: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=why):
        load(PRODUCTION | {name: value})


@pytest.mark.parametrize(
    ("name", "value", "is_on"),
    [
        ("HUB_METRICS_TOKEN", "x" * 20, True),
        ("HUB_METRICS_ALLOWED_ADDRESSES", "127.0.0.1, 10.1.0.0/16, ::1", True),
        ("HUB_METRICS_DIRECTORY", "/var/lib/hub/metrics", True),
        ("HUB_METRICS_TOKEN", "", False),
    ],
)
def test_nothing_is_counted_unless_somebody_is_to_read_it(load: Load, name: str, value: str, *, is_on: bool) -> None:
    assert load(PRODUCTION | {name: value})["HUB_METRICS"] is is_on


def test_request_lines_can_be_left_out(load: Load) -> None:
    name = "hub.watching.requests"

    assert name not in load(PRODUCTION)["LOGGING"]["loggers"]
    assert load(PRODUCTION | {"LOG_REQUESTS": "false"})["LOGGING"]["loggers"][name] == {"level": "WARNING"}


def test_a_refusal_does_not_repeat_the_secret(load: Load) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        load(PRODUCTION | {"SECRET_KEY": "weak-canary"})

    assert "weak-canary" not in str(refusal.value)


def test_production_is_what_runs_when_nothing_is_said(load: Load) -> None:
    settings = load(PRODUCTION)

    assert settings["HUB_MODE"] == "production"
    assert settings["DEBUG"] is False
    assert settings["DEMO"] is False
    assert settings["HUB_OUTBOUND_ALLOWED_HOSTS"] == settings["HUB_WEBHOOK_ALLOWED_HOSTS"] == ()
    assert settings["HUB_OPEN_SIGN_UP"] is False
    assert "hub.sandbox" not in settings["INSTALLED_APPS"]


def test_production_has_no_debug(load: Load) -> None:
    assert load(PRODUCTION | {"DEBUG": "true"})["DEBUG"] is False


@pytest.mark.requirement(129)
def test_production_cookies_are_bound_to_the_host(load: Load) -> None:
    settings = load(PRODUCTION)

    for cookie in ("SESSION", "CSRF"):
        assert str(settings[f"{cookie}_COOKIE_NAME"]).startswith("__Host-")
        assert settings[f"{cookie}_COOKIE_SECURE"] is True
        assert settings[f"{cookie}_COOKIE_HTTPONLY"] is True
        assert settings[f"{cookie}_COOKIE_SAMESITE"] == "Lax"
        # A __Host- cookie with either is dropped by the browser.
        assert f"{cookie}_COOKIE_DOMAIN" not in settings
        assert f"{cookie}_COOKIE_PATH" not in settings


@pytest.mark.requirement(131)
def test_no_policy_allows_inline_code(load: Load) -> None:
    policy = load(PRODUCTION)["SECURE_CSP"]

    assert "unsafe" not in str(policy)
    assert policy["default-src"] == ["'none'"]
    assert policy["frame-ancestors"] == ["'none'"]
    assert policy["form-action"] == ["'self'"]


def test_sqlite_takes_the_write_lock_at_the_start_of_a_transaction(load: Load) -> None:
    database = load(PRODUCTION | {"DATABASE_URL": "sqlite:////srv/hub.sqlite3"})["DATABASES"]["default"]

    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in database["OPTIONS"]["init_command"]


def test_postgresql_has_a_pool_and_no_persistent_connection_beside_it(load: Load) -> None:
    database = load(PRODUCTION | {"HUB_DATABASE_POOL_SIZE": "7"})["DATABASES"]["default"]

    assert database["OPTIONS"]["pool"]["max_size"] == 7
    assert database["CONN_MAX_AGE"] == 0
    assert "ATOMIC_REQUESTS" not in database


def test_postgresql_prepares_what_is_read_at_every_call_unless_a_pooler_forgets_it(load: Load) -> None:
    def threshold(**environment: str) -> object:
        return load(PRODUCTION | environment)["DATABASES"]["default"]["OPTIONS"]["prepare_threshold"]

    assert threshold() == 2
    assert threshold(HUB_DATABASE_PREPARES="false") is None


def test_a_secret_may_come_from_a_file(load: Load, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("y8" * 40 + "\n")

    settings = load({k: v for k, v in PRODUCTION.items() if k != "SECRET_KEY"} | {"SECRET_KEY_FILE": str(file)})

    assert settings["SECRET_KEY"] == "y8" * 40


def test_forwarded_headers_are_believed_only_behind_a_proxy(load: Load) -> None:
    assert load(PRODUCTION)["SECURE_PROXY_SSL_HEADER"] is None
    assert load(PRODUCTION | {"HUB_TRUSTED_PROXY_COUNT": "1"})["SECURE_PROXY_SSL_HEADER"]


def test_the_demo_makes_its_own_keys_and_keeps_them(load: Load, tmp_path: Path) -> None:
    first = load({"HUB_MODE": "demo"})
    second = load({"HUB_MODE": "demo"})

    assert first["SECRET_KEY"] == second["SECRET_KEY"]
    assert first["HUB_SEALING_KEYS"] == second["HUB_SEALING_KEYS"]
    assert str(first["HUB_SEALING_KEYS"]).startswith("demo:")
    kept = tmp_path / "var"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept.iterdir()} == {0o600}


@pytest.mark.parametrize("name", ["SECRET_KEY", "HUB_SEALING_KEYS", "DATABASE_URL", "ALLOWED_HOSTS"])
def test_the_demo_refuses_a_production_variable(load: Load, name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"{name} is set"):
        load({"HUB_MODE": "demo", name: PRODUCTION[name]})


@pytest.mark.parametrize("mode", ["demo", "test"])
@pytest.mark.parametrize("site", ["https://hub.example.com", "http://192.168.0.7:8000", "http://0.0.0.0:8000"])
def test_the_relaxed_modes_are_for_this_machine_alone(load: Load, mode: str, site: str) -> None:
    kept = {} if mode == "demo" else PRODUCTION

    with pytest.raises(ImproperlyConfigured, match="loopback"):
        load({**kept, "HUB_MODE": mode, "SITE_URL": site})


@pytest.mark.parametrize("site", ["http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000"])
def test_the_demo_may_call_itself_and_nothing_else(load: Load, site: str) -> None:
    settings = load({"HUB_MODE": "demo", "SITE_URL": site})

    assert settings["HUB_OUTBOUND_ALLOWED_HOSTS"] == (site.removeprefix("http://"),)


def test_deployment_check_is_clean_in_production() -> None:
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]

    run = subprocess.run(
        [ROOT / "scripts" / "production_like", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert "no issues" in run.stdout


def test_a_refusal_is_one_sentence_and_not_a_traceback() -> None:
    environment = {"PATH": os.environ["PATH"], "HUB_MODE": "production"}

    run = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert run.returncode == 1
    assert run.stderr.startswith("Not started: SITE_URL is not set.")
    assert "Traceback" not in run.stderr
