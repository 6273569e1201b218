"""Tokens are not cached: what one process ends, no other process lends any more."""

import pytest
from django.utils import timezone

from integrations import vault
from integrations.flows import disconnect
from integrations.flows.register import set_enabled
from integrations.models import Connection
from tests.factories import make_connection, make_tokens
from tests.real.borrower import Borrower

pytestmark = [pytest.mark.real, pytest.mark.django_db(transaction=True)]


@pytest.mark.requirement(104)
def test_another_process_lends_nothing_of_a_connection_that_was_ended_or_renewed_here() -> None:
    ended, renewed, off = (make_connection(tokens=make_tokens(access_token=f"access-{n}")) for n in (1, 2, 3))
    with Borrower() as process:
        assert [process.borrow(row) for row in (ended, renewed, off)] == ["access-1", "access-2", "access-3"]

        disconnect.disconnect(ended, actor="tester", now=timezone.now())
        set_enabled(off.registration, False, actor="tester")
        renewed.version += 1
        renewed.save()
        vault.store(renewed, make_tokens(access_token="access-new"))

        assert process.borrow(ended) == "refused: disconnected"
        assert process.borrow(off) == "refused: registration_disabled"
        assert process.borrow(renewed) == "access-new"
    assert Connection.objects.get(pk=ended.pk).status == Connection.Status.REVOKING
