"""After a test that commits, the database is as it was migrated: nothing more, nothing less, nothing else."""

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType

from tests.factories import make_connection, make_user
from tests.fresh_rows import FreshRows

REFERENCE = (Group, Permission, ContentType, Group.permissions.through)


def rows() -> list[object]:
    return [list(model.objects.order_by("pk").values()) for model in REFERENCE]


@pytest.mark.django_db(transaction=True)
def test_rows_that_came_go_and_rows_that_went_or_changed_come_back() -> None:
    fresh, before = FreshRows(), rows()
    make_connection(owner=make_user(permissions=["change_connection"]))
    Group.objects.all().delete()
    Permission.objects.update(name="?")
    ContentType.objects.create(app_label="another", model="another")

    fresh.restore()

    assert rows() == before
    assert all(before)
    assert not User.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", ["this", "the other"])
def test_what_a_test_commits_does_not_reach_the_next(turn: str) -> None:
    assert (User.objects.count(), Group.objects.exists()) == (0, True)

    make_user(turn)
    Group.objects.all().delete()
