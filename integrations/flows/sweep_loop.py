"""The event loop of a sweep: sends, judges and hands over; everything about rows happens in database threads."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from integrations import measures
from integrations.flows import refresh, standing
from integrations.flows.clients import Instance, instance_of
from integrations.flows.grant import Grant
from integrations.flows.rows import Clock
from integrations.flows.sweep_lane import Lanes
from integrations.flows.sweep_ledger import Answer, Entry, post
from integrations.flows.sweep_outcome import Outcome, Result, Tally
from integrations.flows.sweep_source import Job, Source, marked, release
from integrations.models import PendingRevocation
from integrations.oauth.async_transport import AsyncTransport
from integrations.oauth.errors import OAuthError, ProviderUnavailable
from integrations.oauth.message import Response

logger = logging.getLogger(__name__)

CLAIMED_AT_ONCE = 256
SENT_AT_ONCE = 256
WORTH_SENDING = 16
GATHER_SECONDS = 0.002
COMMITTED_AT_ONCE = 400
COMMITTED_AFTER_SECONDS = 0.4
LOOK_AGAIN_SECONDS = 0.25
NOTED_EVERY_SECONDS = 5


@dataclass(kw_only=True)
class Loop:
    """One pass over a source. `told` is called after each batch of results.

    `noted` gets the tally every few seconds, in a database thread. `was_stopped`: `stop` said so before all was done.
    """

    source: Source
    lanes: Lanes
    transport: AsyncTransport
    database: Executor
    clock: Clock
    concurrency: int
    limit: int | None
    stop: Callable[[], bool]
    told: Callable[[Tally], None]
    noted: Callable[[Tally], None]
    tally: Tally = field(default_factory=Tally)
    late: list[PendingRevocation] = field(default_factory=list)
    was_stopped: bool = False
    _in_flight: int = 0
    _taken: int = 0
    _exhausted_without: frozenset[Instance] | None = None
    _feeding: bool = False
    _arrived: list[Answer] = field(default_factory=list)
    _entry: Entry | None = None
    _failure: Exception | None = None
    _at_keys: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Send until nothing is due or `stop` says so; then finish what is in flight and give the other leases back.

        Raises:
            django.db.DatabaseError: the database failed; what was answered is in the recovery journal.
        """
        notes = asyncio.create_task(self._take_notes())
        async with self.transport:
            try:
                await self._go_over_it()
            except Exception as error:
                self._fail(error)
            while self._in_flight or self._feeding:
                self._woken.clear()
                await self._wait()
        self._write_down()
        self._close_entry(self._entry)
        self._give_back(self.lanes.dropped(everything=True))
        for endpoint in self.lanes.turns():
            self._start(self._in_database(partial(standing.give_turn_back, endpoint)))
        while self._tasks:
            await asyncio.wait(self._tasks)
        notes.cancel()
        if self._failure is not None:
            raise self._failure

    async def _take_notes(self) -> None:
        while True:
            await asyncio.sleep(NOTED_EVERY_SECONDS)
            await self._in_database(partial(self.noted, self.tally.copy()))

    async def _go_over_it(self) -> None:
        while not self._is_over():
            self._woken.clear()
            self._feed()
            if not await self._send_some():
                await self._wait()

    def _is_over(self) -> bool:
        self.was_stopped = self._failure is None and self.stop()
        if self._failure is not None or self.was_stopped:
            return True
        brings_more = self._feeding or self.lanes.are_held or not (self._is_exhausted() or self._is_enough())
        return not (brings_more or self.lanes.waiting)

    def _is_exhausted(self) -> bool:
        """Whether nothing more is due but what is left out anyway, so that it is not looked for twice."""
        return self._exhausted_without is not None and self._exhausted_without <= self.lanes.left_out()

    def _is_enough(self) -> bool:
        return self.limit is not None and self._taken >= self.limit

    async def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        look_again = loop.call_at(min(now + LOOK_AGAIN_SECONDS, self.lanes.next_slot(now=now)), self._woken.set)
        await self._woken.wait()
        look_again.cancel()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._woken.set()
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._failure = self._failure or error

    async def _in_database[T](self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.database, call)

    # -- bring

    def _feed(self) -> None:
        for job, count, per_minute in self.lanes.wanting(now=asyncio.get_running_loop().time()):
            self._start(self._reserve(job, count=count, per_minute=per_minute))
        if self._feeding:
            return
        for position in self.lanes.let_go():
            self.source.rows.rewind(position)
        if self._is_exhausted() or self._is_enough() or not self._is_short():
            return
        self._feeding = True
        self._start(self._bring())

    def _is_short(self) -> bool:
        """Whether more is to be brought: little waits, or what waits can't be sent though there is room for more."""
        idle = self._in_flight < self.concurrency and not self.lanes.ready(now=asyncio.get_running_loop().time())
        return self.lanes.are_low or idle

    async def _bring(self) -> None:
        without = self.lanes.left_out()
        count = CLAIMED_AT_ONCE if self.limit is None else min(CLAIMED_AT_ONCE, self.limit - self._taken)
        try:
            batch = await self._in_database(partial(self.source.claim, count, without=without))
            self._exhausted_without = without if batch.last else self._exhausted_without
            self._taken += len(batch.jobs)
            self.lanes.stop(batch.broken)
            now = asyncio.get_running_loop().time()
            self.lanes.add(
                batch.jobs, position=batch.position, verdicts=batch.verdicts, now=now, clock_now=self.clock()
            )
            self._count(batch.results)
            self._put_back(self.lanes.surplus())
            self._give_back(self.lanes.dropped())
        finally:
            self._feeding = False

    def _give_back(self, jobs: list[Job]) -> None:
        if jobs:
            self._put_back(jobs)
            self._count([job.ended(Outcome.NOT_SENT) for job in jobs])

    def _put_back(self, jobs: list[Job]) -> None:
        if jobs:
            self._taken -= len(jobs)
            self._start(self._in_database(partial(release, jobs)))

    async def _reserve(self, job: Job, *, count: int, per_minute: int) -> None:
        """Take moments to send at from a provider's common queue, for a lane whose requests a minute are capped."""
        loop, now = asyncio.get_running_loop(), self.clock()
        take = partial(standing.reserve, job.lane, instance_of(job.connection), count=count, per_minute=per_minute)
        first = await self._in_database(partial(take, now=now))
        at = None if first is None else loop.time() + (first - now).total_seconds()
        self.lanes.give_slots(job.lane, count=count, first=at)
        self._give_back(self.lanes.dropped())

    def _tell_others(self) -> None:
        if news := self.lanes.news():
            self._start(self._in_database(partial(standing.write_down, news, now=self.clock())))

    # -- send

    async def _send_some(self) -> bool:
        """Mark and send what there is room for; False when there is none."""
        loop = asyncio.get_running_loop()
        ready = min(self.lanes.ready(now=loop.time()), self.concurrency - self._in_flight)
        if not ready:
            return False
        if ready < WORTH_SENDING:
            await asyncio.sleep(GATHER_SECONDS)
        chosen = self.lanes.choose(min(SENT_AT_ONCE, self.concurrency - self._in_flight), now=loop.time())
        self._in_flight += len(chosen)
        sent: frozenset[Job] = frozenset()
        try:
            sent = frozenset(await self._in_database(partial(marked, chosen, clock=self.clock)))
        except Exception as error:
            self._fail(error)
        for job in sent:
            self._start(self._send(job))
        not_sent = [job for job in chosen if job not in sent]
        self._in_flight -= len(not_sent)
        self.lanes.put_aside(not_sent)
        self._give_back(not_sent)
        return True

    async def _send(self, job: Job) -> None:
        answer = await self._ask(job)
        self._in_flight -= 1
        error = answer.brought if isinstance(answer.brought, OAuthError) else None
        self.lanes.learn(job, error, now=asyncio.get_running_loop().time())
        self._enter(answer)
        self._tell_others()
        if error is not None:
            self._give_back(self.lanes.dropped())

    async def _ask(self, job: Job) -> Answer:
        sent_at = self.clock()
        try:
            with measures.timed(measures.TOKEN_ENDPOINT, job.connection.registration.provider, "refresh_token"):
                response = await self.transport.send(job.request)
            grant = await self._judged(job, response, sent_at=sent_at)
            brought = refresh.record_of(job.connection, grant, lease_owner=job.lease_owner)
            return Answer(job=job, brought=brought)
        except OAuthError as error:
            return Answer(job=job, brought=error)
        except Exception:
            logger.exception("refresh failed", extra={"connection": str(job.connection.uuid)})
            return Answer(job=job, brought=ProviderUnavailable("An unforeseen error.", code="internal_error"))

    async def _judged(self, job: Job, response: Response, *, sent_at: datetime) -> Grant:
        answer = job.client.judge_token(response)
        accept = partial(refresh.accept, job.connection, job.tokens, job.client, answer, sent_at=sent_at)
        if answer.id_token is None or not job.client.server.jwks_uri:
            return accept()
        # One thread for each key endpoint: a slow one must not take the threads that resolve other providers' names.
        async with self._at_keys[job.client.server.jwks_uri]:
            return await asyncio.to_thread(accept)

    # -- settle

    def _enter(self, answer: Answer) -> None:
        """Take an answer, to be written down with those that arrive in the same turn of the loop."""
        if not self._arrived:
            asyncio.get_running_loop().call_soon(self._write_down)
        self._arrived.append(answer)

    def _write_down(self) -> None:
        """Put what has arrived into the open entry; it is committed when full, or after a moment."""
        if not self._arrived:
            return
        if self._entry is None:
            self._entry = Entry()
            asyncio.get_running_loop().call_later(COMMITTED_AFTER_SECONDS, self._close_entry, self._entry)
        self._entry.add(self._arrived)
        self._arrived = []
        if len(self._entry.answers) >= COMMITTED_AT_ONCE:
            self._close_entry(self._entry)

    def _close_entry(self, entry: Entry | None) -> None:
        if entry is not None and entry is self._entry:
            self._entry = None
            self._start(self._post(entry))

    async def _post(self, entry: Entry) -> None:
        posted = await self._in_database(partial(post, entry, clock=self.clock))
        self.late += posted.late
        self._count(posted.results)

    def _count(self, results: Sequence[Result]) -> None:
        if not results:
            return
        self.tally.add(results)
        try:
            self.told(self.tally)
        except Exception as error:
            self._fail(error)
