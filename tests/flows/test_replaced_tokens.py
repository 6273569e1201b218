"""Tokens that newer ones replaced, or that were granted and refused, are not left alive at the provider."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError
from django.db import connection as database

from integrations.flows import disconnect
from integrations.models import Connection, PendingRevocation, VaultEntry
from integrations.oauth.errors import OAuthError
from tests.fakes.misbehaviour import Behaviour
from tests.flows.journey import Journey, fresh, kinds, stored_tokens


def active_refresh_tokens(journey: Journey) -> set[str]:
    issued = (token for grant in journey.server.memory.grants for token in grant.refresh_tokens)
    return {token for token in issued if journey.server.is_active(token)}


def test_an_upgrade_revokes_the_tokens_it_replaces(journey: Journey) -> None:
    connection = journey.connect()
    before = stored_tokens(connection)

    upgraded = journey.connect("notes.read", connection=connection)

    after = stored_tokens(upgraded)
    assert active_refresh_tokens(journey) == {after.refresh_token}
    assert journey.server.is_active(after.access_token)
    assert not journey.server.is_active(before.access_token)
    assert kinds(connection) == ["connected", "reconnected", "scope_changed"]
    assert not PendingRevocation.objects.exists()


def test_the_new_tokens_are_kept_although_the_old_ones_cannot_be_revoked_yet(journey: Journey) -> None:
    connection = journey.connect()
    journey.server.misbehave("revoke", Behaviour.SERVER_ERROR)
    journey.connect(connection=connection)
    assert len(active_refresh_tokens(journey)) == 2

    journey.clock.advance(minutes=30)
    disconnect.retry_revocations(now=journey.clock())

    assert active_refresh_tokens(journey) == {stored_tokens(connection).refresh_token}
    assert fresh(connection).status == Connection.Status.ACTIVE
    assert "revoked_at_provider" not in kinds(connection)


def test_a_reconnect_leaves_the_revocation_of_a_disconnect_to_be_done(journey: Journey) -> None:
    connection = journey.connect()
    journey.server.misbehave("revoke", Behaviour.SERVER_ERROR)
    disconnect.disconnect(connection, actor="tester", now=journey.clock())

    again = journey.connect()
    journey.clock.advance(minutes=30)
    disconnect.retry_revocations(now=journey.clock())

    assert fresh(again).status == Connection.Status.ACTIVE
    assert active_refresh_tokens(journey) == {stored_tokens(again).refresh_token}


def test_where_a_revocation_might_end_the_new_tokens_too_none_is_sent(oidc_journey: Journey) -> None:
    connection = oidc_journey.connect()
    oidc_journey.server.misbehave("revoke", Behaviour.SERVER_ERROR)
    disconnect.disconnect(connection, actor="tester", now=oidc_journey.clock())
    tried = len(oidc_journey.server.requests("revoke"))

    again = oidc_journey.connect()
    oidc_journey.connect(connection=again)
    oidc_journey.clock.advance(minutes=30)
    disconnect.retry_revocations(now=oidc_journey.clock())

    assert len(oidc_journey.server.requests("revoke")) == tried
    assert oidc_journey.server.is_active(stored_tokens(again).access_token)


def test_a_refresh_token_that_is_kept_is_not_revoked(journey: Journey) -> None:
    connection = journey.connect()
    before = stored_tokens(connection)
    journey.server.conduct.issue_refresh_token = False

    journey.connect(connection=connection)

    assert stored_tokens(connection).refresh_token == before.refresh_token
    assert active_refresh_tokens(journey) == {before.refresh_token}
    assert journey.server.requests("revoke") == []


def test_tokens_that_cannot_be_opened_do_not_stop_a_reconnect(journey: Journey) -> None:
    connection = journey.connect()
    VaultEntry.objects.filter(connection=connection).update(sealed=b"\x01 of another row")

    again = journey.connect(connection=connection)

    assert journey.server.is_active(stored_tokens(again).access_token)


def test_tokens_of_another_account_are_handed_back(journey: Journey) -> None:
    connection = journey.connect(account="alice")

    with pytest.raises(OAuthError, match="other_account"):
        journey.connect(account="bob", connection=connection)

    assert active_refresh_tokens(journey) == {stored_tokens(connection).refresh_token}


def test_refused_tokens_that_cannot_be_handed_back_change_nothing(journey: Journey) -> None:
    connection = journey.connect(account="alice")
    journey.server.misbehave("revoke", Behaviour.SERVER_ERROR)

    with pytest.raises(OAuthError, match="other_account"):
        journey.connect(account="bob", connection=connection)

    assert fresh(connection).status == Connection.Status.ACTIVE
    assert journey.server.is_active(stored_tokens(connection).access_token)


def test_a_grant_that_cannot_be_stored_is_handed_back(journey: Journey) -> None:
    pairs = journey.server.authorize(journey.begin())

    def fail(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if sql.startswith('INSERT INTO "integrations_vaultentry"'):
            raise OperationalError("disk full")
        return execute(sql, *rest)

    with database.execute_wrapper(fail), pytest.raises(OperationalError):
        journey.complete(pairs)

    assert active_refresh_tokens(journey) == set()
    assert not Connection.objects.exists()
