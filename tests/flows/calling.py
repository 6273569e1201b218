"""One call of the fake provider's API, and what it answers."""

from collections.abc import Mapping

from integrations.flows import access
from integrations.flows.access import Answer, Call
from integrations.models import Connection
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.wire import Outgoing
from tests.flows.journey import Journey, fresh

HTML = {"Content-Type": "text/html"}


def ask(
    journey: Journey, connection: Connection, path: str = "/notes", *, method: str = "GET", **more: object
) -> Answer:
    scope = more.pop("scope", ())
    return access.call(
        fresh(connection),
        Call(method=method, path=path, **more),
        scope=scope,  # type: ignore[arg-type]
        clock=journey.clock,
        actor="robin (console)",
    )


def answer_with(journey: Journey, body: bytes = b"", *, status: int = 200, headers: Mapping[str, str] = HTML) -> None:
    answer = Outgoing(status=status, headers=headers, body=body)
    journey.server.misbehave("api", Behaviour.AS_GIVEN, times=None, answer=answer)
