"""What is opened to another issuer's client is so for one subject of its tokens: the others hear nothing of it."""

from datetime import UTC, datetime

import pytest

from integrations.flows import disconnect
from integrations.flows.open_registration import close
from integrations.models import Allowance, Event, Use
from integrations.web.presentation import NAME_LIMIT
from tests.api.calling import Program, program_of
from tests.api.test_events import settle
from tests.api.trusted import Issuer, open_to_client, token
from tests.factories import make_connection, make_event

pytestmark = pytest.mark.django_db


@pytest.mark.requirement(145, 156)
@pytest.mark.parametrize("how", ["disconnected", "closed"])
def test_events_of_what_is_opened_for_one_subject_are_told_for_that_one_alone(issuer: Issuer, how: str) -> None:
    connection = make_connection(of_the_hub=True)
    subjects = ("alice", "bob", "mallory", "robot")

    def told() -> dict[str, list[str]]:
        settle()
        programs = {sub: Program(token=token(issuer, sub=sub, scope="events:read")) for sub in subjects}
        return {sub: [one["kind"] for one in at.get("/events").json()["data"]] for sub, at in programs.items()}

    open_to_client(issuer.url, connection.registration, subject="alice")
    make_event(kind=Event.Kind.REFRESHED, connection=connection)
    settle()
    open_to_client(issuer.url, connection.registration, subject="bob")
    assert told() == {"alice": ["refreshed"], "bob": [], "mallory": [], "robot": []}

    if how == "closed":
        close(Allowance.objects.get(subject="alice"), client_name="robot", actor="an operator")
        assert told() == {"alice": ["sharing_ended"], "bob": [], "mallory": [], "robot": []}
    else:
        disconnect.wipe(connection, actor="an operator", now=datetime.now(UTC))
        assert told() == {"alice": ["sharing_ended"], "bob": ["sharing_ended"], "mallory": [], "robot": []}
    assert program_of(None, client_id="robot").get("/events").json()["data"] == []


def test_two_clients_of_long_names_are_two_in_the_activity(issuer: Issuer) -> None:
    connection = make_connection(of_the_hub=True)
    long = "a-client-that-has-a-name-of-many-letters-"
    callers = [
        *((long + "1", long + "1"), (long + "2", long + "2")),
        *(("robot", long + "1"), ("robot", long + "2"), ("robot", "alice"), ("robot (alice)", "robot (alice)")),
    ]
    for client_id, sub in callers:
        subject = "" if sub == client_id else sub
        whose = {"issuer": issuer.url, "client_id": client_id, "subject": subject}
        Allowance.objects.create(registration=connection.registration, scope="profile", **whose)
        sent = token(issuer, client_id=client_id, sub=sub, scope="connections:borrow")
        assert Program(token=sent).post(f"/connections/{connection.uuid}/token").status_code == 200

    actors = set(Use.objects.values_list("actor", flat=True))
    assert len(actors) == len(callers)
    assert f"application: robot (alice) [{issuer.url.removeprefix('http://')}]" in actors
    assert max(map(len, actors)) < NAME_LIMIT
