import pytest
from django.contrib.auth import get_user_model

from integrations.models import Event
from tests.factories import make_connection, make_event, make_user

pytestmark = pytest.mark.django_db


def test_an_event_is_never_changed() -> None:
    event = make_event()

    event.kind = Event.Kind.DISCONNECTED

    with pytest.raises(TypeError, match="never changed"):
        event.save()
    event.refresh_from_db()
    assert event.kind == Event.Kind.CONNECTED


def test_events_outlive_whom_they_tell_of() -> None:
    owner = make_user()
    connection = make_connection(owner=owner)
    event = make_event(connection=connection)

    connection.delete()
    get_user_model().objects.filter(pk=owner.pk).delete()

    event.refresh_from_db()
    assert (event.connection_id, event.owner_id) == (None, None)


def test_the_newest_event_comes_first() -> None:
    connection = make_connection()
    first, second = make_event(connection=connection), make_event(connection=connection)

    assert list(connection.events.all()) == [second, first]
