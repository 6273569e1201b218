"""The page of a connection: how it stands, the one thing to do, where one lands after doing it."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from integrations.models import ClientRegistration, Connection, Event
from tests.factories import make_connection, make_event, make_registration, make_use
from tests.web.listing import held, in_days, once_only
from tests.web.person import Person, authorization_url, text_of

Status = Connection.Status
LIVE = {"HX-Request": "true"}


def head(page: str) -> str:
    return page.partition('class="page-head"')[2].partition("<section")[0]


def test_a_page_costs_the_same_whatever_has_happened(
    person: Person, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    connection = person.connect("notes.read")
    person.get("/connections/")
    for number in range(30):
        make_event(connection=connection, kind=Event.Kind.USED, actor=f"program {number}")
        make_use(connection=connection, actor=f"program {number}")

    # session, user, connection, registrations, applications, events, uses by day, by actor
    with django_assert_num_queries(8):
        person.get(person.page(connection))


@pytest.mark.parametrize(
    ("fields", "words", "action"),
    [
        ({}, "Active", "test"),
        (
            {"status": Status.NEEDS_REAUTHORIZATION, "last_error_code": "invalid_grant"},
            "Needs you: access was withdrawn at Sandbox",
            "reconnect",
        ),
        ({**once_only(), "expires_in": -60}, "Needs you: the access has expired", "reconnect"),
        ({"refresh_expires_at": in_days(3)}, "Expires in 3 days unless reconnected", "reconnect"),
        (
            {"failure_count": 2, "last_error_code": "timeout"},
            "Having trouble: Sandbox does not answer; we keep trying",
            "test",
        ),
        ({"status": Status.REVOKING}, "Disconnected; the hub keeps trying to tell Sandbox", "new/sandbox"),
        ({"status": Status.REVOKED}, "Disconnected", "new/sandbox"),
    ],
)
def test_the_standing_in_words_and_one_thing_to_do(
    person: Person, fields: dict[str, object], words: str, action: str
) -> None:
    page = head(person.get(person.page(held(person, "Work", **fields))).content.decode())

    assert f">{words}<" in page
    buttons = re.findall(
        r'<form method="post"\s+action="[^"]*/(\w+)/"|class="button" href="/connections/([^"]*)/"', page
    )
    assert [one or other for one, other in buttons if one != "rename"] == [action]


@pytest.mark.parametrize("is_gone", [False, True])
def test_what_is_switched_off_offers_nothing(person: Person, is_gone: bool) -> None:
    connection = (
        held(person, "Work", registration=make_registration(provider="gone")) if is_gone else held(person, "Work")
    )
    ClientRegistration.objects.filter(slug="sandbox").update(enabled=False)

    page = person.get(person.page(connection)).content.decode()

    words = "Not available: this hub does not know gone any more" if is_gone else "Switched off by an operator"
    assert words in head(page)
    assert "data-hx-post" not in page
    assert "reconnect/" not in page


def test_enabling_a_feature_returns_to_the_features_and_says_so_there(person: Person) -> None:
    connection = person.connect()
    page = person.get(person.page(connection)).content.decode()
    (place,) = {value.replace("&amp;", "&") for value in re.findall(r'name="next" value="([^"]*)"', page)}

    left = person.post(person.page(connection, "enable"), features="notes.read", next=place)
    back = person.come_back(authorization_url(left))

    assert back.headers["Location"] == f"{person.page(connection)}?at=features#features"
    page = person.get(f"{person.page(connection)}?at=features").content.decode()
    assert page.count("Your connection to Sandbox was updated.") == 1
    assert (
        page.index('id="features"') < page.index("Your connection to Sandbox was updated.") < page.index("feature-list")
    )


@pytest.mark.parametrize("place", ["", "?at=elsewhere", "?at="])
def test_what_is_said_without_a_place_is_said_once_below_the_head(person: Person, place: str) -> None:
    connection = person.connect()
    person.post(person.page(connection, "rename"), name="Work")

    page = person.get(person.page(connection) + place).content.decode()

    assert page.count("The name was changed.") == 1
    assert page.index("<h1>") < page.index("The name was changed.") < page.index('id="features"')


def test_actions_answer_with_a_page_to_get(person: Person) -> None:
    connection = person.connect()

    for name in ("test", "rename"):
        response = person.post(person.page(connection, name), name="Work")
        assert (response.status_code, response.headers["Location"]) == (303, person.page(connection))


def test_htmx_gets_the_part_that_changes(person: Person) -> None:
    connection = person.connect()

    whole, part = person.get(person.page(connection)), person.get(person.page(connection), **LIVE)

    assert "HX-Request" in whole.headers["Vary"]
    assert "<main" in whole.content.decode()
    assert "<main" not in part.content.decode()
    assert "<title>alice" in part.content.decode()


def test_a_test_by_htmx_answers_with_its_result_in_place(person: Person) -> None:
    connection = person.connect()

    part = person.client.post(person.page(connection, "test"), headers=LIVE)

    assert part.status_code == 200
    assert "<main" not in part.content.decode()
    assert "It works: Sandbox answered with status 200." in part.content.decode()
    assert "It works" not in text_of(person.get("/connections/"))


@pytest.mark.requirement(111, 135)
def test_nobody_elses_page_is_shown_in_part_either(person: Person, stranger: Person) -> None:
    connection = person.connect()

    assert stranger.get(person.page(connection), **LIVE).status_code == 404
    assert stranger.client.post(person.page(connection, "test"), headers=LIVE).status_code == 404


@pytest.mark.requirement(47)
def test_what_programs_are_called_is_text(person: Person) -> None:
    connection = person.connect()
    make_use(connection=connection, actor="<script>alert(1)</script>\u202e")
    make_event(connection=connection, kind=Event.Kind.USED, actor="<script>alert(1)</script>\u202e")

    for name in ("connection", "disconnect"):
        page = person.get(person.page(connection, name)).content.decode()
        assert "&lt;script&gt;alert(1)" in page
        assert "<script>" not in page
        assert "\u202e" not in page


def test_a_use_is_on_the_page(person: Person) -> None:
    connection = person.connect("notes.read")
    assert "Not used yet. Programs that use it appear here." in text_of(person.get(person.page(connection)))

    person.post(person.page(connection, "test"))

    page = text_of(person.get(person.page(connection)))
    assert re.search(r"Used once in the last 30 days, on \d+ \w+\.", page)
    assert "Used by you" in page
    assert "You 1 time · last used" in page


@pytest.mark.parametrize(
    ("provider", "variables", "page"),
    [
        ("spotify", {}, "https://www.spotify.com/account/apps/"),
        ("microsoft", {"tenant": "common"}, "https://myapplications.microsoft.com/"),
    ],
)
def test_where_a_provider_cannot_be_told_its_own_page_is_linked(
    person: Person, provider: str, variables: dict[str, str], page: str
) -> None:
    registration = make_registration(provider=provider, slug=provider, variables=variables)
    connection = make_connection(owner=person.user, registration=registration)

    assert f'href="{page}" rel="noreferrer"' in person.get(person.page(connection, "disconnect")).content.decode()
    person.post(person.page(connection, "disconnect"))
    assert f'<a href="{page}" rel="noreferrer">Remove the hub at' in person.get("/connections/").content.decode()
    assert f'href="{page}" rel="noreferrer"' in person.get(person.page(connection)).content.decode()


def test_disconnecting_keeps_the_history(person: Person) -> None:
    connection = person.connect()
    make_use(connection=connection, now=timezone.now() - timedelta(days=1))
    assert "nightly import used it yesterday and will fail." in text_of(
        person.get(person.page(connection, "disconnect"))
    )

    person.post(person.page(connection, "disconnect"))

    page = text_of(person.get(person.page(connection)))
    assert "nightly import 1 time" in page
    assert "Disconnected by you" in page


@pytest.mark.requirement(40)
def test_what_was_granted_unasked_is_told_for_as_long_as_it_lasts(person: Person) -> None:
    connection = held(person, "Work", unexpected_scope="notes:write")
    told = "Granted unasked Write and delete your notes . The hub does not use it"

    assert told in text_of(person.get(person.page(connection)))
    Connection.objects.update(unexpected_scope="")
    assert "unasked" not in text_of(person.get(person.page(connection)))
