"""What an application may borrow: what was allowed, and nothing that goes further."""

from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from integrations.flows import access, allow, lend
from integrations.flows.errors import NotLent, ScopeMissing
from integrations.flows.lend import Borrower, Seen
from integrations.models import Allowance, Connection, Event
from tests.factories import make_connection, make_registration, make_user
from tests.flows.journey import Journey, fresh, kinds
from tests.flows.sweeping import swept
from tests.lending import make_allowance

pytestmark = pytest.mark.django_db


def borrower_for(person_id: int | None, *, client_id: str = "client-1") -> Borrower:
    return Borrower(
        issuer="", client_id=client_id, client_name="Example", person_id=person_id, consent_path="/applications/"
    )


def chosen(connection: Connection, *features: str) -> dict[int, tuple[str, ...]]:
    return {connection.pk: features}


def say_yes(connection: Connection, *features: str, client_id: str = "client-1") -> None:
    assert connection.owner_id is not None
    allow.allow(connection.owner_id, client_id, chosen(connection, *features), client_name="Example", actor="them")


def test_token_of_what_was_allowed() -> None:
    connection = make_connection(owner=make_user(), scope="profile notes:read")
    say_yes(connection, "profile", "notes.read")

    token = lend.token(borrower_for(connection.owner_id), connection.uuid, scope={"notes:read"})

    assert token.scope == {"profile", "notes:read"}


@pytest.mark.requirement(111)
@pytest.mark.requirement(112)
def test_what_nobody_allowed_is_as_unknown_as_what_is_not_there() -> None:
    owner, stranger = make_user(), make_user()
    shared, kept = make_connection(owner=owner), make_connection(owner=owner)
    make_allowance(shared)
    hubs_own = make_connection(of_the_hub=True)
    for borrower, uuid in (
        (borrower_for(owner.pk), kept.uuid),
        (borrower_for(owner.pk), uuid4()),
        (borrower_for(owner.pk), hubs_own.uuid),
        (borrower_for(stranger.pk), shared.uuid),
        (borrower_for(None), shared.uuid),
        (borrower_for(None), hubs_own.uuid),
        (borrower_for(owner.pk, client_id="client-2"), shared.uuid),
    ):
        with pytest.raises(NotLent) as stopped:
            lend.token(borrower, uuid)
        assert stopped.value.description == "There is no such connection, or it is not shared with this application."
        assert uuid not in lend.lent(borrower).values_list("uuid", flat=True)


@pytest.mark.requirement(112)
def test_another_issuers_client_of_the_same_name_is_another_client() -> None:
    connection = make_connection(owner=make_user())
    make_allowance(connection, issuer="https://issuer.example")
    with pytest.raises(NotLent):
        lend.find(borrower_for(connection.owner_id), connection.uuid)


@pytest.mark.requirement(43)
def test_scope_that_was_not_allowed_is_refused() -> None:
    connection = make_connection(owner=make_user(), scope="profile notes:read notes:write")
    say_yes(connection, "profile", "notes.read")
    with pytest.raises(ScopeMissing) as stopped:
        lend.token(borrower_for(connection.owner_id), connection.uuid, scope={"notes:write"})
    assert (stopped.value.code, stopped.value.scope) == ("insufficient_scope", frozenset({"notes:write"}))
    assert stopped.value.consent_path == f"/applications/?connection={connection.uuid}&scope=notes%3Awrite"


@pytest.mark.requirement(112)
def test_token_that_can_do_more_than_was_allowed_is_not_lent() -> None:
    connection = make_connection(owner=make_user(), scope="profile notes:read notes:write")
    say_yes(connection, "profile", "notes.read")
    with pytest.raises(ScopeMissing) as stopped:
        lend.token(borrower_for(connection.owner_id), connection.uuid, scope={"notes:read"})
    assert (stopped.value.code, stopped.value.scope) == ("token_exceeds_consent", frozenset({"notes:write"}))


def test_scope_that_a_connection_gains_later_is_not_allowed_by_itself() -> None:
    connection = make_connection(owner=make_user(), scope="profile notes:read")
    say_yes(connection, "profile", "notes.read")
    Connection.objects.update(granted_scope="notes:read notes:write profile")
    with pytest.raises(ScopeMissing):
        lend.token(borrower_for(connection.owner_id), connection.uuid)


def test_scope_that_the_connection_lacks_leads_to_the_provider() -> None:
    connection = make_connection(owner=make_user(), scope="profile")
    say_yes(connection, "profile")
    with pytest.raises(ScopeMissing) as stopped:
        lend.token(borrower_for(connection.owner_id), connection.uuid, scope={"notes:read"})
    assert stopped.value.consent_path.startswith("/connections/consent/")


@pytest.mark.requirement(145)
def test_application_of_its_own_gets_what_an_operator_opened() -> None:
    registration = make_registration()
    one, other = make_connection(of_the_hub=True, registration=registration), make_connection(of_the_hub=True)
    persons = make_connection(owner=make_user(), registration=registration)
    Allowance.objects.create(client_id="client-1", registration=registration, scope=one.granted_scope)

    assert list(lend.lent(borrower_for(None))) == [one]
    assert lend.token(borrower_for(None), one.uuid).value
    for connection in (other, persons):
        with pytest.raises(NotLent):
            lend.find(borrower_for(None), connection.uuid)


def test_what_is_taken_back_is_not_lent_any_more_and_told_once() -> None:
    connection = make_connection(owner=make_user())
    say_yes(connection, "profile")
    say_yes(connection, "profile")
    say_yes(connection)
    say_yes(connection)
    with pytest.raises(NotLent):
        lend.find(borrower_for(connection.owner_id), connection.uuid)
    kinds = Event.objects.order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["application_allowed", "application_removed"]


@pytest.mark.requirement(111)
def test_nobody_allows_what_is_not_theirs() -> None:
    connection, stranger = make_connection(owner=make_user()), make_user()
    allow.allow(stranger.pk, "client-1", chosen(connection, "profile"), client_name="Example", actor="stranger")
    assert not Allowance.objects.exists()


def test_two_queries_to_find_and_lend(django_assert_num_queries) -> None:  # type: ignore[no-untyped-def]
    connection = make_connection(owner=make_user())
    make_allowance(connection)
    borrower = borrower_for(connection.owner_id)
    lend.token(borrower, connection.uuid)
    with django_assert_num_queries(1):
        lend.token(borrower, connection.uuid)


@pytest.mark.requirement(43, 112)
def test_what_changes_while_a_token_is_renewed_is_heeded(journey: Journey) -> None:
    connection = journey.connect("notes.read")
    rule = make_allowance(connection)
    journey.clock.advance(hours=2)

    def later() -> datetime:
        Connection.objects.update(granted_scope="notes:read notes:write profile")
        return journey.clock()

    with pytest.raises(ScopeMissing) as stopped:
        lend.token(borrower_for(connection.owner_id), connection.uuid, clock=later)
    assert stopped.value.code == "token_exceeds_consent"
    assert rule.allowed_scope == {"notes:read", "profile"}


@pytest.mark.requirement(112)
@pytest.mark.parametrize("is_read_along", [False, True])
def test_what_was_taken_back_while_a_token_is_renewed_is_not_lent(journey: Journey, is_read_along: bool) -> None:
    connection = journey.connect("notes.read")
    make_allowance(connection)
    rule = lend.RULES_OF_PEOPLE.first(uuid=connection.uuid) if is_read_along else None
    seen = Seen(rule=rule) if rule else None
    journey.clock.advance(hours=2)

    def later() -> datetime:
        Allowance.objects.all().delete()
        return journey.clock()

    with pytest.raises(NotLent):
        lend.token(borrower_for(connection.owner_id), connection.uuid, seen=seen, clock=later)


@pytest.mark.requirement(43, 112)
def test_rule_of_one_connection_that_was_read_along_opens_no_other() -> None:
    owner = make_user()
    shared, kept = make_connection(owner=owner), make_connection(owner=owner)
    seen = Seen(rule=make_allowance(shared))
    assert lend.find(borrower_for(owner.pk), shared.uuid, seen=seen).connection == shared
    with pytest.raises(NotLent):
        lend.find(borrower_for(owner.pk), kept.uuid, seen=seen)


@pytest.mark.django_db(transaction=True)
@pytest.mark.requirement(40, 112)
@pytest.mark.parametrize("renewed_by", ["whoever uses it", "a sweep"])
def test_token_that_can_do_what_was_granted_unasked_is_not_lent(journey: Journey, renewed_by: str) -> None:
    asked, more = frozenset({"profile", "notes:read"}), frozenset({"profile", "notes:read", "notes:write"})

    def refusal(*, tells: frozenset[str] | None) -> str:
        """How lending is refused after a renewal whose answer tells a scope, or none."""
        journey.server.conduct.refreshed_scope, journey.server.conduct.say_scope = tells, tells is not None
        journey.clock.advance(hours=2)
        if renewed_by == "a sweep":
            swept(journey.clock)
        else:
            access.token(connection, clock=journey.clock)
        return refused()

    def refused() -> str:
        try:
            lend.token(borrower_for(journey.user.pk), connection.uuid, clock=journey.clock)
        except ScopeMissing as error:
            assert error.scope == frozenset({"notes:write"})
            return error.code
        return ""

    journey.server.conduct.granted_scope = more
    connection = journey.connect("notes.read")
    say_yes(connection, "profile", "notes.read")

    assert refused() == refusal(tells=None) == refusal(tells=more) == "token_exceeds_consent"
    assert refusal(tells=asked) == refusal(tells=None) == ""
    assert refusal(tells=more) == "token_exceeds_consent"
    assert fresh(connection).scope == asked
    assert kinds(connection).count("scope_unexpected") == 2
    journey.server.conduct.granted_scope = asked
    journey.connect("notes.read", connection=connection)
    assert refused() == ""


@pytest.mark.requirement(145)
@pytest.mark.parametrize(
    "columns",
    [
        {"subject": "someone"},
        {"issuer": "https://issuer.example", "subject": "robot"},
        {"issuer": "https://issuer.example", "subject": "someone", "of_a_person": True},
    ],
)
def test_a_rule_names_a_subject_only_of_another_issuers_client(columns: dict[str, Any]) -> None:
    connection = make_connection(of_the_hub=not columns.pop("of_a_person", False))
    where = {"registration": connection.registration, "connection": connection, "person": connection.owner}

    with pytest.raises(IntegrityError, match="an_operator_names_another_subject"), transaction.atomic():
        Allowance.objects.create(client_id="robot", **where, **columns)
