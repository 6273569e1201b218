"""The first page of admin: numbers in words and bars, with a table beside each chart, under the page's policy."""

import re
from datetime import timedelta

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations.models import ClientRegistration, Connection, SweepRun
from tests.factories import make_connection, make_registration

pytestmark = pytest.mark.django_db
INDEX = "/admin/"


def text_of(client: Client) -> str:
    return " ".join(client.get(INDEX).content.decode().split())


def test_it_says_what_needs_attention_and_links_to_it(operator: Client) -> None:
    registration = make_registration(slug="work")
    make_connection(registration=registration, failure_count=3)
    now = timezone.now()
    ClientRegistration.objects.update(last_error_code="invalid_client", last_error_at=now - timedelta(hours=2))
    SweepRun.objects.create(started_at=now - timedelta(hours=4), finished_at=now - timedelta(hours=3, minutes=1))

    text = text_of(operator).replace("\xa0", " ")

    assert "work: the provider refuses our registration (invalid_client), for 2 hours." in text
    assert "The last sweep finished 3 hours" in text
    for address in re.findall(r'<li data-level="\w+"><a href="([^"]+)"', text):
        assert operator.get(address.replace("&amp;", "&")).status_code == 200
    assert "work: renewal is failing for 1 of its connections." in text


def test_numbers_by_provider_and_status_lead_to_the_list(operator: Client) -> None:
    make_connection()
    make_connection(status=Connection.Status.NEEDS_REAUTHORIZATION)

    text = text_of(operator)

    links = re.findall(r'<a href="([^"]+registration__provider=sandbox[^"]+)">(\d+)</a>', text)
    assert [number for _, number in links] == ["1", "1"]
    for address, number in links:
        page = operator.get(address.replace("&amp;", "&"))
        assert page.context["cl"].result_count == int(number)


def test_every_chart_has_its_numbers_in_a_table_and_no_inline_style(operator: Client) -> None:
    make_connection()
    SweepRun.objects.create(
        started_at=timezone.now(), finished_at=timezone.now(), counts={"refreshed": 1234, "retry_later": 5}
    )

    text = text_of(operator)

    assert text.count("<svg viewBox") == text.count("Show the numbers") == 4
    assert text.count('<svg viewBox="0 0 480 100"') == 2
    assert "Renewed by sweeps, last 24 hours: 1,234, most at" in text
    assert "<td data-number>1,234</td>" in text
    assert " style=" not in text
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)


def test_the_page_takes_the_same_number_of_queries_whatever_there_is(operator: Client) -> None:
    counts = []
    for _ in range(2):
        for _ in range(4):
            make_connection(registration=make_registration(), failure_count=1)
            SweepRun.objects.create(started_at=timezone.now(), counts={"refreshed": 1})
        with CaptureQueriesContext(database) as queries:
            assert operator.get(INDEX).status_code == 200
        counts.append(len(queries))

    # The second look finds the numbers of the last minute.
    assert counts[0] - counts[1] == 6
    assert counts[1] <= 10


def test_an_empty_hub_has_a_first_page_too(operator: Client) -> None:
    text = text_of(operator)

    assert "Nobody is connected yet." in text
    assert "None yet." in text
    assert "seals" in text
