"""A connection's whole life, well and badly, so that every secret passes everywhere it ever will."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote_plus

from django.db import connection as database

from integrations.flows import access, disconnect, refresh
from integrations.models import Connection, ProviderStanding
from integrations.oauth.errors import OAuthError
from tests.factories import CLIENT_SECRET
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.conduct import Rotation
from tests.fakes.misbehaviour import Behaviour
from tests.flows.journey import Journey, fresh, stored_tokens

PASSING_FAILURES = (
    Behaviour.RATE_LIMITED,
    Behaviour.SERVER_ERROR,
    Behaviour.HTML,
    Behaviour.TRUNCATED_JSON_AFTER_PROCESSING,
    Behaviour.WRONG_TYPES_AFTER_PROCESSING,
    Behaviour.EMPTY_BAD_REQUEST,
    Behaviour.REDIRECT,
    Behaviour.DROP_BEFORE_PROCESSING,
    Behaviour.DROP_AFTER_PROCESSING,
)


def secrets_of(server: FakeAuthorizationServer) -> list[str]:
    """Every secret this provider handed out or was sent."""
    found = {*server.memory.secrets_issued(), CLIENT_SECRET, quote_plus(CLIENT_SECRET)}
    for request in server.requests():
        found |= {value for name, value in request.form.items() if name in ("code_verifier", "client_secret")}
        found |= {value for name, value in request.headers.items() if name == "authorization"}
    return sorted(value for value in found if len(value) >= 8)


def live(journey: Journey, *, id_tokens: list[str]) -> list[OAuthError]:
    """Connect, use, refresh, fail in every way, reconnect, disconnect; what was raised. Collects the id_tokens."""
    raised: list[OAuthError] = []
    journey.server.conduct.rotation = Rotation.NEVER
    connection = journey.connect()
    _note(connection, id_tokens)
    _use(journey, connection, raised)
    _fail_to_refresh(journey, connection, raised)
    _fail_to_connect(journey, raised)
    connection = journey.connect(connection=fresh(connection))
    _note(connection, id_tokens)
    _end(journey, connection, raised)
    return raised


@contextmanager
def broken_database(words: str) -> Iterator[None]:
    """Statements with these words fail in a way nobody expects."""

    def fail(execute: Callable[..., object], sql: str, *rest: object) -> object:
        if words in sql:
            raise RuntimeError("the database is on fire")
        return execute(sql, *rest)

    with database.execute_wrapper(fail):
        yield


def _attempt(raised: list[OAuthError], call: Callable[[], object]) -> None:
    try:
        call()
    except OAuthError as error:
        raised.append(error)


def _note(connection: Connection, id_tokens: list[str]) -> None:
    id_token = stored_tokens(connection).id_token
    if id_token is not None:
        id_tokens.append(id_token)


def _use(journey: Journey, connection: Connection, raised: list[OAuthError]) -> None:
    access.test_connection(fresh(connection), clock=journey.clock, actor="a task")
    journey.server.misbehave("api", Behaviour.INVALID_TOKEN)
    journey.server.misbehave("userinfo", Behaviour.INVALID_TOKEN)
    _attempt(raised, lambda: access.test_connection(fresh(connection), clock=journey.clock))
    journey.server.behave()
    _attempt(raised, lambda: access.token(connection, scope={"nothing:granted"}, clock=journey.clock))


def _fail_to_refresh(journey: Journey, connection: Connection, raised: list[OAuthError]) -> None:
    def forced() -> object:
        # A provider that wants a pause would be asked for nothing more.
        ProviderStanding.objects.all().delete()
        return refresh.refresh(connection.pk, clock=journey.clock, force=True)

    forced()
    for behaviour in PASSING_FAILURES:
        journey.server.misbehave("token", behaviour)
        _attempt(raised, forced)
    for error in ("invalid_client", "invalid_scope", "invalid_grant"):
        journey.server.misbehave("token", Behaviour.ERROR, error=error)
        _attempt(raised, forced)


def _fail_to_connect(journey: Journey, raised: list[OAuthError]) -> None:
    server = journey.server
    denied = server.authorize(journey.begin(), error="access_denied")
    _attempt(raised, lambda: journey.complete(denied))
    good = server.authorize(journey.begin())
    _attempt(raised, lambda: journey.complete([(k, v) for k, v in good if k != "state"] + [("state", "x" * 43)]))
    _attempt(raised, lambda: journey.complete([*good, *good]))
    for behaviour in (Behaviour.SERVER_ERROR, Behaviour.HTML, Behaviour.ERROR, Behaviour.DROP_AFTER_PROCESSING):
        pairs = server.authorize(journey.begin())
        server.misbehave("token", behaviour, error="invalid_grant")
        _attempt(raised, lambda pairs=pairs: journey.complete(pairs))  # type: ignore[misc]


def _end(journey: Journey, connection: Connection, raised: list[OAuthError]) -> None:
    journey.server.misbehave("revoke", Behaviour.SERVER_ERROR)
    disconnect.disconnect(fresh(connection), actor="a person", now=journey.clock())
    disconnect.retry_revocations(now=journey.clock.advance(hours=1))
    _attempt(raised, lambda: access.token(connection, clock=journey.clock))
