"""Pass an application's call on to a provider: the hub adds the token, and hands the answer through as it comes.

What the hub itself has to say is raised as an OAuthError; whatever the provider says is an answer, its errors too.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from integrations import measures
from integrations.flows import borrow, lend, places
from integrations.flows.borrow import AccessToken
from integrations.flows.clients import let_go_of_database, provider_of, relay, variables_of
from integrations.flows.errors import CallRefused, ConnectionUnusable, ScopeMissing
from integrations.flows.lend import Borrower, Loan, Seen
from integrations.flows.pieces import WHOLE_BYTES, Pieces, beginning, too_large
from integrations.flows.rows import Clock, require_usable
from integrations.models import Connection
from integrations.oauth import relay as wire
from integrations.oauth.errors import OAuthError, Remedy, printable
from integrations.oauth.exchange import PIECE_BYTES, Headers
from integrations.oauth.intermediary import headers_down, headers_up
from integrations.oauth.message import USER_AGENT
from integrations.providers import ApiUrlRefused, target

#: A body up to here is held, and so can be sent once more.
REPLAYABLE_BYTES = 64 * 1024
READ_ONLY = frozenset(("GET", "HEAD"))
#: What comes bit by bit is wanted so.
STREAMS = ("text/event-stream", "application/x-ndjson", "application/stream+json", "application/json-seq")


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A call as its caller made it: the path below the provider's API, decoded once; empty, or from its first slash.

    `read(n)` brings at most n bytes of the body, of which there are `length`; None: there is none.
    """

    method: str
    path: bytes = field(repr=False)
    query: str = field(default="", repr=False)
    headers: Headers = field(default=(), repr=False)
    length: int | None = None
    read: Callable[[int], bytes] = field(default=lambda _: b"", repr=False)
    may_borrow: bool = False  # its caller could have the token itself


@dataclass(frozen=True, kw_only=True, slots=True)
class Passed:
    """What the provider answered: its `body` where that is small, else its `pieces`.

    `not_retried`: it refused the token, and the body could not be sent once more with another.
    """

    status: int
    headers: Headers = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    pieces: Pieces | None = field(default=None, repr=False)
    not_retried: bool = False


def pass_on(
    borrower: Borrower, uuid: UUID, asked: Asked, *, seen: Seen | None = None, clock: Clock = timezone.now
) -> Passed:
    """Make a call with a connection that is lent, and bring the answer, or its beginning; `seen` as for `lend.find`.

    Raises:
        CallRefused: it leads elsewhere, or its body is too large or did not come.
        NotLent, ConnectionUnusable: as `lend.token`.
        ScopeMissing: the call belongs to no feature that was allowed (code `call_not_allowed`).
        TooManyCalls: come back later.
        OAuthError: there is no token now; ProviderUnavailable: the provider does not answer.
    """
    wanted = _target(asked)
    if asked.length is not None and asked.length > settings.HUB_PROXY.body_bytes:
        raise CallRefused("The body is larger than the hub passes on.", code="body_too_large", status=413)

    def judged(seen: Seen | None = None) -> Loan:
        loan = lend.find(borrower, uuid, seen=seen)
        require_usable(loan.connection)
        _require_allowed(loan, asked.method, wanted)
        return loan

    judged_at, loan = time.monotonic(), judged(seen)
    place = places.take(loan.connection, borrower=borrower.identity)
    try:
        passing = _Passing(borrower, loan, judged, asked, to=wanted, clock=clock)
        if not lend.is_a_moment_ago(judged_at):
            # Its body was waited for.
            passing.judge_again()
        return passing.go(place)
    except BaseException:
        place.leave()
        raise


class _Passing:
    """One call under way. `judged` decides anew whether it may be made: while a token is renewed, much can change."""

    def __init__(
        self,
        borrower: Borrower,
        loan: Loan,
        judged: Callable[[], Loan],
        asked: Asked,
        *,
        to: target.Target,
        clock: Clock,
    ) -> None:
        self._borrower, self._loan, self._judged = borrower, loan, judged
        self._row = row = loan.connection
        self._asked, self._url, self._path = asked, _address(row, to), to.path
        self._actor, self._clock = borrower.actor, clock
        self._deadline = time.monotonic() + settings.HUB_PROXY.seconds
        self._provider = provider_of(row.registration)
        self._variables = variables_of(row.registration, row.variables)
        self._call = self._prepared()

    def judge_again(self) -> None:
        self._loan = self._judged()
        self._row = self._loan.connection

    def go(self, place: places.Place) -> Passed:
        details = None
        if self._asked.method not in READ_ONLY:
            details = {"method": self._asked.method, "path": printable(self._path)}
        borrowed = borrow.token_of(self._row, clock=self._clock, actor=self._actor, details=details)
        answer, not_retried = self._send(borrowed), False
        if answer.status == 401:
            not_retried = not self._call.replayable
            if not_retried:
                # The next call of this kind finds a token that is good.
                with suppress(OAuthError):
                    self._renewed(borrowed)
            else:
                renewed = self._renewed(borrowed)
                # One that was renewed a moment ago is not renewed again, and refused again it would be.
                if renewed.version != borrowed.version:
                    answer.close()
                    borrowed, answer = renewed, self._send(renewed)
        return self._passed(answer, borrowed, place, not_retried=not_retried)

    def _renewed(self, refused: AccessToken) -> AccessToken:
        return borrow.renewed_token(self._row, seen_version=refused.version, clock=self._clock, actor=self._actor)

    def _prepared(self) -> wire.Call:
        """The call without its token; a small body is read, so that it can be sent twice."""
        asked = self._asked
        call = wire.Call(method=asked.method, url=self._url, length=asked.length)
        if asked.length is None:
            return call
        body = _body(asked.read, asked.length)
        if asked.length <= REPLAYABLE_BYTES:
            return replace(call, body=tuple(body))
        return replace(call, body=body, replayable=False)

    def _send(self, borrowed: AccessToken) -> wire.Answer:
        if borrowed.version != self._row.version:
            self._loan = self._judged()
        given = {name.lower() for name, _ in self._asked.headers}
        own = {name: value for name, value in self._provider.api_headers.items() if name.lower() not in given}
        if "user-agent" not in given:
            own["User-Agent"] = USER_AGENT
        if "accept-encoding" not in given:
            own["Accept-Encoding"] = "identity"
        name, value = self._provider.token_header(self._variables, borrowed.value)
        own[name] = value
        # What the provider does not read of a body may be its next call, with the token that goes with the one after.
        may_have_it = self._asked.may_borrow and not self._loan.excess
        owner = "\0".join((str(self._row.uuid), *self._borrower.identity)) if may_have_it else ""
        call = replace(self._call, headers=headers_up(self._asked.headers, own=own), owner=owner)
        let_go_of_database()
        answer = relay().send(call, deadline=self._deadline, idle_seconds=settings.HUB_PROXY.idle_seconds)
        measures.count(measures.API_CALLS, self._provider.slug, "application", f"{answer.status // 100}xx")
        return answer

    def _passed(self, answer: wire.Answer, borrowed: AccessToken, place: places.Place, *, not_retried: bool) -> Passed:
        passed = Passed(
            status=answer.status,
            headers=headers_down(answer.headers, url=self._url, secret=borrowed.value),
            not_retried=not_retried,
        )
        length = _length(answer)
        try:
            if length is not None and length > settings.HUB_PROXY.body_bytes and self._asked.method != "HEAD":
                raise too_large()
            rest = answer.read()
            first, is_whole = beginning(rest) if _is_read_first(answer, length) else ([], False)
        except BaseException:
            answer.close()
            raise

        def close() -> None:
            answer.close()
            place.leave()

        # Of a length that is told: whoever reads it sees when it breaks off.
        framed = () if length is None else (("Content-Length", str(length)),)
        passed = replace(passed, headers=passed.headers + framed)
        if not is_whole and self._asked.method != "HEAD":
            return replace(passed, pieces=Pieces(first, rest, close))
        close()
        return replace(passed, body=b"".join(first))


def _target(asked: Asked) -> target.Target:
    try:
        return target.read(asked.path, asked.query)
    except ApiUrlRefused as error:
        raise CallRefused(f"The call is refused: {error}.") from None


def _require_allowed(loan: Loan, method: str, wanted: target.Target) -> None:
    """A token does what its connection was granted; where less was allowed, only calls that are known to be less."""
    if not loan.excess:
        return
    provider = provider_of(loan.connection.registration)
    if wanted.reaches_further or not provider.allows(loan.features, method=method, path=wanted.path):
        raise ScopeMissing(
            "This application is not allowed this call: it is no part of what was chosen for it.",
            code="call_not_allowed",
            scope=loan.excess,
            consent_path=loan.consent_path,
        )


def _address(row: Connection, wanted: target.Target) -> str:
    variables = variables_of(row.registration, row.variables)
    try:
        return provider_of(row.registration).api_url(wanted.written, variables, row.provider_data)
    except ApiUrlRefused as error:
        raise ConnectionUnusable(str(error), code="destination_refused", remedy=Remedy.OPERATOR) from None


def _body(read: Callable[[int], bytes], length: int) -> Iterator[bytes]:
    """As many bytes as were promised.

    Raises:
        CallRefused: whoever sends them stopped before.
    """
    left = length
    while left:
        piece = read(min(PIECE_BYTES, left))
        if not piece:
            raise CallRefused("The body is shorter than its Content-Length.", code="body_incomplete")
        left -= len(piece)
        yield piece


def _length(answer: wire.Answer) -> int | None:
    """The length of the body, where it is told; llhttp has seen to it that it is told once, and a number."""
    names = {name.lower(): value for name, value in answer.headers}
    return None if "transfer-encoding" in names or "content-length" not in names else int(names["content-length"])


def _is_read_first(answer: wire.Answer, length: int | None) -> bool:
    if length is not None:
        return length <= WHOLE_BYTES
    kind = next((value for name, value in answer.headers if name.lower() == "content-type"), "")
    return not kind.lower().startswith(STREAMS)
