"""/healthz and /readyz: for machines, which are told little."""

import json
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection as database
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from pytest_django import DjangoAssertNumQueries, Settings

from hub.watching.addresses import Addresses

NOT_HERE = 418

type Ask = Callable[[str], HttpResponse]


@pytest.fixture
def ask() -> Ask:
    """Ask one process, which remembers what it found."""
    middleware = Addresses(lambda request: HttpResponse(status=NOT_HERE))

    def asked(path: str, method: str = "GET", **meta: Any) -> HttpResponse:
        answer = middleware(RequestFactory().generic(method, path, **meta))
        assert isinstance(answer, HttpResponse)
        return answer

    return asked


def told(answer: HttpResponse) -> Any:
    return json.loads(answer.content)


@pytest.mark.requirement(126)
@pytest.mark.parametrize("host", ["10.0.0.5:8000", "evil.example", "", "a b", "\x00"])
def test_a_process_that_lives_says_so_to_whatever_host(settings: Settings, host: str) -> None:
    """Without a database: this test is not allowed one."""
    settings.SECURE_SSL_REDIRECT = True

    answer = Client().get("/healthz", HTTP_HOST=host)

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["Cache-Control"] == "no-store"
    assert not answer.cookies


@pytest.mark.django_db(transaction=True)
def test_all_that_is_needed_is_there(ask: Ask) -> None:
    answer = ask("/readyz")

    assert answer.status_code == 200
    assert told(answer) == {
        "status": "ok",
        "checks": {"database": "ok", "migrations": "ok", "keys": "ok", "journal": "ok"},
    }


@pytest.mark.django_db(transaction=True)
def test_readiness_asks_for_neither_host_nor_https(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True

    assert Client().get("/readyz", HTTP_HOST="10.0.0.5").status_code == 200


@pytest.mark.requirement(126)
def test_a_database_that_is_gone_is_named_and_its_address_is_only_in_the_log(
    ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a database: pytest refuses one to this test, with words of its own."""
    answer = ask("/readyz")

    assert answer.status_code == 503
    assert told(answer)["status"] == "failed"
    assert told(answer)["checks"] == {"database": "failed", "migrations": "failed", "keys": "ok", "journal": "ok"}
    assert "not allowed" not in answer.content.decode()
    causes = {vars(record).get("check"): vars(record).get("cause", "") for record in caplog.records}
    assert "not allowed" in causes["database"]


@pytest.mark.requirement(126)
@pytest.mark.django_db(transaction=True)
def test_keys_that_do_not_open_are_named(ask: Ask, settings: Settings) -> None:
    settings.HUB_SEALING_KEYS = "broken:AAAA"

    answer = ask("/readyz")

    assert (answer.status_code, told(answer)["checks"]["keys"]) == (503, "failed")
    assert "broken" not in answer.content.decode()


@pytest.mark.requirement(126)
@pytest.mark.django_db(transaction=True)
def test_a_journal_that_takes_nothing_is_named(ask: Ask, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "a-file").touch()
    settings.HUB_RECOVERY_JOURNAL = tmp_path / "a-file" / "recovery"

    answer = ask("/readyz")

    assert (answer.status_code, told(answer)["checks"]["journal"]) == (503, "failed")
    assert str(tmp_path) not in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_probe_leaves_nothing_in_the_journal(ask: Ask, recovery_journal: Path) -> None:
    ask("/readyz")

    assert list(recovery_journal.iterdir()) == []


@pytest.mark.django_db(transaction=True)
def test_a_database_behind_the_code_is_not_ready(ask: Ask) -> None:
    with database.cursor() as cursor:
        cursor.execute("SELECT max(id) FROM django_migrations WHERE app = 'integrations'")
        (newest,) = cursor.fetchone()
        cursor.execute("UPDATE django_migrations SET app = 'elsewhere' WHERE id = %s", [newest])
    try:
        answer = ask("/readyz")
    finally:
        with database.cursor() as cursor:
            cursor.execute("UPDATE django_migrations SET app = 'integrations' WHERE id = %s", [newest])

    assert (answer.status_code, told(answer)["checks"]["migrations"]) == (503, "failed")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("backend", "location", "is_well"),
    [("db.DatabaseCache", "no_such_table", False), ("filebased.FileBasedCache", "", True)],
)
def test_a_cache_that_processes_share_is_tried(
    ask: Ask, settings: Settings, tmp_path: Path, backend: str, location: str, *, is_well: bool
) -> None:
    name = f"django.core.cache.backends.{backend}"
    settings.CACHES = {"default": {"BACKEND": name, "LOCATION": location or str(tmp_path / "cache")}}

    answer = ask("/readyz")

    assert told(answer)["checks"]["cache"] == ("ok" if is_well else "failed")
    assert answer.status_code == (200 if is_well else 503)


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_gone_is_named_and_requests_are_served_without_it(ask: Ask, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as broker:
        port = broker.getsockname()[1]
        settings.HUB_BROKER_URL = f"redis://:a-password@127.0.0.1:{port}/0"
        reached = ask("/readyz")
    missed = Addresses(lambda request: HttpResponse(status=NOT_HERE))(RequestFactory().get("/readyz"))

    assert isinstance(missed, HttpResponse)
    assert (reached.status_code, told(reached)["checks"]["broker"]) == (200, "ok")
    assert (missed.status_code, told(missed)["checks"]["broker"]) == (200, "failed")
    assert "a-password" not in missed.content.decode()


@pytest.mark.django_db(transaction=True)
def test_many_who_ask_are_told_what_one_found(
    ask: Ask, settings: Settings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    first = ask("/readyz")
    settings.HUB_SEALING_KEYS = "broken:AAAA"

    with django_assert_num_queries(0):
        answers = [ask("/readyz") for _ in range(50)]

    assert {answer.content for answer in answers} == {first.content}


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.parametrize("method", ["POST", "TRACE", "DELETE"])
def test_only_reading_is_answered(ask: Callable[..., HttpResponse], path: str, method: str) -> None:
    answer = ask(path, method)

    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/healthz/", "/healthzz", "/readyz/x", "/Healthz"])
def test_other_addresses_are_passed_on(ask: Ask, path: str) -> None:
    assert ask(path).status_code == NOT_HERE


def test_asking_for_health_is_no_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        Client().get("/healthz")

    assert [record for record in caplog.records if record.name.startswith("hub.")] == []


def test_nothing_of_the_request_is_looked_at() -> None:
    """Neither session, nor person, nor host: each would raise here."""
    request = HttpRequest()
    request.method, request.path_info = "GET", "/healthz"

    answer = Addresses(lambda request: HttpResponse(status=NOT_HERE))(request)

    assert answer.status_code == 200
