from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from integrations.models import Mailbox, Notice
from tests.factories import about, make_notice, make_user

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def test_a_mailbox_is_taken_by_one_sender_at_a_time() -> None:
    now = timezone.now()
    Mailbox.objects.create(user=make_user())

    taken = [
        Mailbox.objects.all().claim(lease_owner=owner, lease_until=at + MINUTE, now=at)
        for owner, at in (("a", now), ("b", now), ("c", now + MINUTE))
    ]

    assert taken == [1, 0, 1]
    assert Mailbox.objects.get().lease_owner == "c"


def test_a_lease_has_an_owner_and_an_end() -> None:
    with pytest.raises(IntegrityError):
        Mailbox.objects.create(user=make_user(), lease_owner="a")


def test_a_notice_goes_with_whom_it_is_for() -> None:
    connection = about(make_notice())

    connection.events.all().delete()
    connection.delete()

    assert not Notice.objects.exists()


def test_a_notice_is_due_from_the_start_and_not_before_its_next_attempt() -> None:
    notice = make_notice()
    now = timezone.now() + timedelta(seconds=1)

    assert list(Notice.objects.due(now=now)) == [notice]
    Notice.objects.update(next_attempt_at=now + MINUTE)
    assert list(Notice.objects.due(now=now)) == []
