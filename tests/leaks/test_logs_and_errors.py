"""Logs at DEBUG, errors and their tracebacks, the journal: no token, code, verifier, secret or header."""

import logging
import traceback
from pathlib import Path

import pytest
from django.core.cache import cache

from hub.logging import configuration
from hub.logging import formatter as hub_formatter
from integrations.flows import access, refresh
from tests.canaries import leaks
from tests.fakes.conduct import Rotation
from tests.flows.journey import Journey, fresh
from tests.leaks.conftest import Everything
from tests.leaks.passing import broken_database, live, secrets_of


@pytest.mark.requirement(98, 27, 38)
def test_nothing_that_is_logged_at_debug_holds_a_secret_even_before_redaction(
    journey: Journey, everything_logged: Everything
) -> None:
    journey.server.conduct.extra_token_members = {"surprise": "canary-unknown-member"}
    id_tokens: list[str] = []

    live(journey, id_tokens=id_tokens)

    secrets = [*secrets_of(journey.server), *id_tokens, "canary-unknown-member"]
    assert len(secrets) > 15
    assert any("refresh failed" in entry for entry in everything_logged.written)
    for entry in everything_logged.written:
        assert leaks(entry, secrets) == [], entry


@pytest.mark.requirement(98)
def test_an_error_shows_no_secret_wherever_it_is_written(journey: Journey) -> None:
    id_tokens: list[str] = []

    raised = live(journey, id_tokens=id_tokens)

    secrets = [*secrets_of(journey.server), *id_tokens]
    assert len({error.code for error in raised}) > 6
    for error in raised:
        for text in (repr(error), str(error), repr(vars(error)), *traceback.format_exception(error)):
            assert leaks(text, secrets) == [], text


@pytest.mark.requirement(92, 98)
def test_the_recovery_journal_holds_what_the_database_could_not_take_and_no_secret(
    journey: Journey, recovery_journal: Path
) -> None:
    journey.server.conduct.rotation = Rotation.ALWAYS
    connection = journey.connect()

    with broken_database('INSERT INTO "integrations_vaultentry"'), pytest.raises(RuntimeError):
        refresh.refresh(connection.pk, clock=journey.clock, force=True)

    files = [path for path in recovery_journal.rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert path.stat().st_mode & 0o077 == 0
        assert leaks(path.read_bytes(), secrets_of(journey.server)) == []


@pytest.mark.requirement(98, 102)
def test_what_a_borrower_is_handed_shows_nothing_and_holds_no_refresh_token(journey: Journey) -> None:
    connection = journey.connect()

    borrowed = access.token(fresh(connection), clock=journey.clock)
    session = access.session(fresh(connection), clock=journey.clock)

    secrets = secrets_of(journey.server)
    refresh_tokens = [token for grant in journey.server.grants() for token in grant.refresh_tokens]
    assert borrowed.value in secrets
    assert leaks(f"{borrowed!r} {borrowed} {session!r} {session.token!r}", secrets) == []
    for holder in (borrowed, session):
        held = [getattr(holder, name, None) for name in dir(holder)]
        assert not [token for token in refresh_tokens if token in repr(held)]


@pytest.mark.requirement(101, 102)
def test_no_secret_travels_in_an_address_and_a_refresh_token_goes_to_its_endpoints_alone(journey: Journey) -> None:
    live(journey, id_tokens=[])

    refresh_tokens = [token for grant in journey.server.grants() for token in grant.refresh_tokens]
    assert refresh_tokens
    for request in journey.server.requests():
        assert leaks(f"{request.path} {request.query}", secrets_of(journey.server)) == [], request.endpoint
        if request.endpoint not in ("token", "revoke"):
            assert leaks(request.body + repr(request.headers).encode(), refresh_tokens) == []


@pytest.mark.requirement(92)
def test_nothing_is_left_in_the_cache(journey: Journey) -> None:
    live(journey, id_tokens=[])

    assert leaks(repr(vars(cache)) + repr(getattr(cache, "_cache", "")), secrets_of(journey.server)) == []


@pytest.mark.requirement(98)
@pytest.mark.parametrize("as_json", [True, False], ids=["json", "console"])
def test_what_a_library_logs_is_redacted(journey: Journey, as_json: bool) -> None:
    configured = configuration(level="DEBUG", as_json=as_json)
    formatter = hub_formatter(**{k: v for k, v in configured["formatters"]["hub"].items() if k != "()"})
    connection = journey.connect()
    token = access.token(fresh(connection), clock=journey.clock)
    logger = logging.getLogger("some.library")

    for message, arguments in (
        ("Adding token %s to request.", ({"access_token": token.value, "token_type": "bearer"},)),
        ("Requesting url %s with headers %s", ("/token", {"Authorization": f"Bearer {token.value}"})),
        ("POST /token code_verifier=%s&grant_type=authorization_code", ("v" * 20 + token.value,)),
    ):
        record = logger.makeRecord("some.library", logging.DEBUG, "f", 1, message, arguments, None)
        assert leaks(formatter.format(record), [token.value]) == []
