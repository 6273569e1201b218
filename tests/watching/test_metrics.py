"""/metrics: for whom, and what is on it."""

import io
import ipaddress
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from django.test import Client, RequestFactory
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from hub.watching.addresses import Addresses
from integrations import measures
from integrations.flows import refresh
from tests.factories import make_connection, make_registration, make_user
from tests.fakes.misbehaviour import Behaviour
from tests.flows.journey import Journey

TOKEN = "a-token-of-the-scraper-0123456789"
NOT_HERE = 418

type Ask = Callable[..., HttpResponse]


@pytest.fixture
def ask(counting: Path) -> Ask:
    """Ask for an address; what the middleware passes on is answered with 418."""
    middleware = Addresses(lambda request: HttpResponse(status=NOT_HERE))

    def asked(path: str = "/metrics", *, peer: str = "192.0.2.7", token: str = "", **headers: str) -> HttpResponse:
        given = {"Authorization": f"Bearer {token}"} if token else {}
        request = RequestFactory().get(path, headers={**given, **headers}, REMOTE_ADDR=peer)
        answer = middleware(request)
        assert isinstance(answer, HttpResponse)
        return answer

    return asked


def samples(text: bytes | str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    written = text.decode() if isinstance(text, bytes) else text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(written)
        for sample in family.samples
    }


@pytest.mark.requirement(157)
@pytest.mark.django_db
def test_metrics_are_off_unless_they_are_protected(client: Client, counting: Path) -> None:
    assert client.get("/metrics").status_code == 404


@pytest.mark.requirement(157)
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("given", ["", "wrong", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "ü" * 20])
def test_a_wrong_token_is_told_that_one_is_needed_and_nothing_else(ask: Ask, settings: Settings, given: str) -> None:
    settings.HUB_METRICS_TOKEN = TOKEN

    refused, told = ask(token=given), ask(token=TOKEN)

    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, 'Bearer realm="metrics"')
    assert b"hub_" not in refused.content
    assert told.status_code == 200
    assert b"# TYPE hub_refreshes_total counter" in told.content


@pytest.mark.requirement(157)
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("peer", "headers", "proxies", "is_told"),
    [
        ("10.1.2.3", {}, 0, True),
        ("::ffff:10.1.2.3", {}, 0, True),
        ("10.2.2.3", {}, 0, False),
        ("", {}, 0, False),
        # Through a proxy of ours, or one that we were not told of: where it came from is what counts, or is not known.
        ("10.1.0.1", {"X-Forwarded-For": "203.0.113.9"}, 1, False),
        ("10.1.0.1", {"X-Forwarded-For": "10.1.9.9"}, 1, True),
        ("10.1.0.1", {"X-Forwarded-For": "10.1.9.9, 203.0.113.9"}, 1, False),
        ("10.1.0.1", {"X-Forwarded-For": "203.0.113.9"}, 0, False),
        ("10.1.0.1", {"X-Forwarded-For": "10.1.9.9"}, 0, False),
        ("10.1.0.1", {"Forwarded": "for=203.0.113.9"}, 0, False),
        ("10.1.0.1", {"X-Forwarded-For": "203.0.113.9"}, 2, False),
        ("10.1.0.1", {}, 1, True),
    ],
)
def test_an_address_that_may_not_finds_nothing_there(
    ask: Ask, settings: Settings, peer: str, headers: dict[str, str], proxies: int, *, is_told: bool
) -> None:
    settings.HUB_METRICS_ALLOWED_ADDRESSES = (ipaddress.ip_network("10.1.0.0/16"),)
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies

    assert ask(peer=peer, **headers).status_code == (200 if is_told else NOT_HERE)


@pytest.mark.requirement(157)
@pytest.mark.django_db(transaction=True)
def test_with_both_set_both_must_fit(ask: Ask, settings: Settings) -> None:
    settings.HUB_METRICS_TOKEN = TOKEN
    settings.HUB_METRICS_ALLOWED_ADDRESSES = (ipaddress.ip_network("10.1.0.0/16"),)

    assert ask(peer="10.1.2.3", token=TOKEN).status_code == 200
    assert ask(peer="10.1.2.3").status_code == 401
    assert ask(peer="192.0.2.7", token=TOKEN).status_code == NOT_HERE


@pytest.mark.requirement(157)
@pytest.mark.django_db(transaction=True)
def test_everything_is_told_and_nothing_of_a_user(
    ask: Ask, settings: Settings, journey: Journey, counting: Path
) -> None:
    settings.HUB_METRICS_TOKEN = TOKEN
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 0
    journey.server.add_account("alice-at-the-provider")
    connection = journey.connect(account="alice-at-the-provider")
    refresh.refresh(connection.pk, clock=journey.clock, force=True)
    journey.server.misbehave("token", Behaviour.ERROR, error="invalid_grant")
    try:
        refresh.refresh(connection.pk, clock=journey.clock, force=True)
    except Exception as error:
        assert "invalid_grant" in str(error)
    tenant = make_connection(
        owner=make_user("somebody-with-a-name"),
        registration=make_registration(slug="desk", provider="left-the-catalogue"),
        variables={"shop": "acme-tenant"},
        account_label="Somebody's account",
        due_in=-90,
    )
    browser = Client()
    browser.force_login(journey.user)
    browser.get(f"/connections/{connection.uuid}/?q=searched-for")
    browser.get("/no/such/page/of-somebody/")

    text = ask(token=TOKEN).content.decode()

    found = samples(text)
    assert found["hub_refreshes_total", (("outcome", "refreshed"), ("provider", "sandbox"))] == 1
    assert found["hub_refresh_failures_total", (("provider", "sandbox"), ("reason", "invalid_grant"))] == 1
    assert found["hub_needs_reauthorization", (("provider", "sandbox"),)] == 1
    assert found["hub_oldest_due_age_seconds", ()] > 80
    page = (("method", "GET"), ("route", "/connections/<uuid:uuid>/"), ("status", "200"))
    assert found["hub_http_requests_total", page] == 1
    assert found["hub_http_requests_total", (("method", "GET"), ("route", "(unmatched)"), ("status", "404"))] == 1
    rows = (connection, tenant)
    told_by_nobody = [
        *(value for row in rows for value in (str(row.uuid), row.subject, row.issuer, row.account_label)),
        *(value for row in rows if row.owner for value in (row.owner.username, row.owner.email)),
        *("acme-tenant", "searched-for", "of-somebody", "left-the-catalogue", "127.0.0.1", journey.server.origin),
    ]
    assert [value for value in told_by_nobody if value in text] == []
    assert 'provider="other"' in text


@pytest.mark.django_db(transaction=True)
def test_figures_are_not_asked_for_at_every_scrape(ask: Ask, settings: Settings) -> None:
    settings.HUB_METRICS_TOKEN = TOKEN
    before = samples(ask(token=TOKEN).content)

    make_connection()
    after = samples(ask(token=TOKEN).content)

    gauge = ("hub_connections", (("provider", "sandbox"), ("status", "active")))
    assert gauge not in before
    assert gauge not in after
    assert ("hub_figures_age_seconds", (("query", "connections"),)) in after


@pytest.mark.django_db(transaction=True)
def test_a_dear_query_is_asked_for_more_seldom(ask: Ask, settings: Settings, counting: Path) -> None:
    settings.HUB_METRICS_TOKEN = TOKEN
    ask(token=TOKEN)
    kept = json.loads((counting / "figures.json").read_text())
    for query, cost in (("connections", 60.0), ("due_by_provider", 0.001)):
        kept[query]["at"] -= 100
        kept[query]["cost"] = cost
    (counting / "figures.json").write_text(json.dumps(kept))

    ages = {
        labels[0][1]: age
        for (name, labels), age in samples(ask(token=TOKEN).content).items()
        if name == "hub_figures_age_seconds"
    }

    assert ages["connections"] >= 100
    assert ages["due_by_provider"] < 100


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("content", ["", "{", "[]", '{"due": {}}', '{"due": {"at": 1, "cost": 1, "values": 3}}'])
def test_kept_figures_that_cannot_be_read_are_asked_for_anew(
    ask: Ask, settings: Settings, counting: Path, content: str
) -> None:
    settings.HUB_METRICS_TOKEN = TOKEN
    counting.mkdir()
    (counting / "figures.json").write_text(content)

    assert ("hub_oldest_due_age_seconds", ()) in samples(ask(token=TOKEN).content)


def test_counts_are_told_without_a_database(ask: Ask, settings: Settings) -> None:
    settings.HUB_METRICS_TOKEN = TOKEN
    measures.count(measures.BORROWS, "sandbox")

    found = samples(ask(token=TOKEN).content)

    assert found["hub_borrows_total", (("provider", "sandbox"),)] == 1
    assert ("hub_oldest_due_age_seconds", ()) not in found


@pytest.mark.django_db(transaction=True)
def test_a_histogram_adds_up(ask: Ask, settings: Settings) -> None:
    settings.HUB_METRICS_TOKEN = TOKEN
    for seconds in (0.5, 1.0, 1.1, 99999.0):
        measures.observe(measures.SWEEP_SECONDS, seconds)

    found: dict[Any, float] = samples(ask(token=TOKEN).content)

    bucket = "hub_sweep_seconds_bucket"
    assert [found[bucket, (("le", bound),)] for bound in ("1.0", "5.0", "3600.0", "+Inf")] == [2, 3, 3, 4]
    assert found["hub_sweep_seconds_count", ()] == 4
    assert found["hub_sweep_seconds_sum", ()] == 100001.6


@pytest.mark.django_db(transaction=True)
def test_files_in_the_journal_are_told(ask: Ask, settings: Settings, recovery_journal: Path) -> None:
    settings.HUB_METRICS_TOKEN = TOKEN
    (recovery_journal / "left.journal").touch()

    found = samples(ask(token=TOKEN).content)

    assert found["hub_journal_files", ()] == 1
    assert found["hub_journal_oldest_age_seconds", ()] >= 0


@pytest.mark.django_db(transaction=True)
def test_a_command_tells_the_same_into_a_file(counting: Path, tmp_path: Path) -> None:
    measures.count(measures.BORROWS, "sandbox")
    out = io.StringIO()

    call_command("show_metrics", "--to", str(tmp_path / "hub.prom"))
    call_command("show_metrics", "--json", stdout=out)

    assert samples((tmp_path / "hub.prom").read_text())["hub_borrows_total", (("provider", "sandbox"),)] == 1
    sample = {"name": "hub_borrows_total", "labels": {"provider": "sandbox"}, "value": 1.0}
    assert sample in json.loads(out.getvalue())["samples"]


@pytest.mark.parametrize(("is_on", "code"), [(False, 2), (True, 1)])
def test_the_command_says_what_is_wrong(counting: Path, settings: Settings, is_on: bool, code: int) -> None:
    settings.HUB_METRICS = is_on

    with pytest.raises(CommandError) as refused:
        call_command("show_metrics", "--to", "/no/such/folder/hub.prom")

    assert refused.value.returncode == code


@pytest.mark.django_db(transaction=True)
def test_counts_that_cannot_be_read_are_no_traceback(ask: Ask, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("")
    settings.HUB_METRICS_DIRECTORY, settings.HUB_METRICS_TOKEN = tmp_path / "a-file", TOKEN

    with pytest.raises(CommandError) as refused:
        call_command("show_metrics")
    answer = ask(token=TOKEN)

    assert refused.value.returncode == 1
    assert f"{tmp_path / 'a-file'} cannot be used" in str(refused.value)
    assert (answer.status_code, answer.content) == (503, b"The counts cannot be read.\n")
