"""Who may send next in a sweep: one lane for each provider's token endpoint, so that none keeps the others waiting."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from integrations.flows.clients import Instance, instance_of
from integrations.flows.standing import News, Reason, Trouble, Verdict, requests_per_minute
from integrations.flows.sweep_due import Position
from integrations.flows.sweep_source import Job
from integrations.oauth.errors import AddressRefused, OAuthError, Remedy, RequestRefused

WINDOW_FIRST = 64
FULL = 512
LOW = 256
FAILURES_TO_STOP = 20
PAUSE_AT_MOST_SECONDS = 30
#: Where requests a minute are capped, no more wait than leave in this time, so that no lease runs out in the queue.
QUEUED_SECONDS = 15
LANES_KEPT = 256


@dataclass(kw_only=True)
class Lane:
    """The jobs for one token endpoint, and how much it may be asked at a time.

    The window opens by one with each answer and halves when the provider has no time, so a provider that is down
    costs few calls. `held_since` is where the source left this lane's rows out, because too many wait already.
    `per_minute` caps its requests over time: then each leaves at one of `slots`, moments in the event loop's seconds
    that no other worker has. `trying`: its circuit is half open, and one request shows whether it closes.
    """

    cap: int
    queue: deque[Job] = field(default_factory=deque)
    instances: set[Instance] = field(default_factory=set)
    window: int = 0
    in_flight: int = 0
    failures: int = 0
    resumes_at: float = 0.0
    stopped: bool = False
    held: bool = False
    held_since: Position | None = None
    per_minute: int = 0
    slots: deque[float] = field(default_factory=deque)
    reserving: bool = False
    trying: bool = False
    in_trouble: bool = False
    known_until: datetime | None = None

    def __post_init__(self) -> None:
        self.window = min(WINDOW_FIRST, self.cap)

    @property
    def is_done(self) -> bool:
        """Whether nothing would be forgotten with it: all its jobs went well and have ended."""
        busy = self.queue or self.in_flight or self.held or self.reserving
        return not (busy or self.failures or self.stopped or self.in_trouble)

    @property
    def full(self) -> int:
        return min(FULL, max(2, self.per_minute * QUEUED_SECONDS // 60)) if self.per_minute else FULL

    @property
    def low(self) -> int:
        return min(LOW, self.full // 2)

    def room(self, *, now: float) -> int:
        """How many more jobs can be sent."""
        if self.stopped or now < self.resumes_at:
            return 0
        room = min(len(self.queue), (1 if self.trying else self.window) - self.in_flight)
        if self.per_minute:
            room = min(room, sum(slot <= now for slot in self.slots))
        return max(0, room)

    def take(self) -> Job:
        """The next job, to be sent now that there is room."""
        self.in_flight += 1
        if self.per_minute:
            self.slots.popleft()
        return self.queue.popleft()

    def wants_slots(self, *, now: float) -> int:
        """How many moments to reserve; 0: it has enough, or cannot send anyway."""
        ahead = max(1, self.per_minute // 60)
        if not self.per_minute or self.stopped or self.reserving or now < self.resumes_at:
            return 0
        return min(len(self.queue) - len(self.slots), ahead) if len(self.slots) * 2 <= ahead else 0

    def apply(self, verdict: Verdict, *, now: float, clock_now: datetime) -> None:
        """Heed what all workers know of the endpoint."""
        if self.trying or self.stopped:
            return
        self.in_trouble = True
        if verdict.trying:
            self.trying = True
        elif verdict.until is not None and verdict.until != self.known_until:
            self.known_until = verdict.until
            seconds = (verdict.until - clock_now).total_seconds()
            self.stopped = not verdict.was_asked or seconds > PAUSE_AT_MOST_SECONDS
            self.resumes_at = max(self.resumes_at, now + seconds)

    def learn(self, error: OAuthError | None, *, now: float) -> None:
        """Open or close the window; `now` and pauses are in the event loop's seconds."""
        if _is_answer(error):
            self.trying = False
        if error is None or not (error.remedy is Remedy.RETRY or isinstance(error, RequestRefused)):
            self.failures = 0
            self.window = min(self.cap, self.window + 1)
            return
        self.failures += 1
        self.window = max(1, self.window // 2)
        retry_after = error.retry_after or 0
        failed_for_good = self.trying or self.failures >= FAILURES_TO_STOP or retry_after > PAUSE_AT_MOST_SECONDS
        self.stopped = self.stopped or failed_for_good
        self.resumes_at = max(self.resumes_at, now + retry_after)


class Lanes:
    """All lanes of a sweep, and the instances of providers that it asks no more.

    What goes wrong at one tenant of a provider keeps no other tenant waiting.
    """

    def __init__(self, *, cap: int, closed: Iterable[Instance] = ()) -> None:
        self._cap = cap
        self._lanes: dict[str, Lane] = {}
        self._stopped: set[Instance] = set(closed)
        self._surplus: list[Job] = []
        self._news = News()

    @property
    def waiting(self) -> int:
        return sum(len(lane.queue) for lane in self._lanes.values())

    @property
    def are_held(self) -> bool:
        return any(lane.held and not lane.stopped for lane in self._lanes.values())

    @property
    def are_low(self) -> bool:
        """Whether little waits."""
        return sum(len(lane.queue) for lane in self._lanes.values() if not lane.held) < LOW

    def add(
        self,
        jobs: Sequence[Job],
        *,
        position: Position | None,
        verdicts: Mapping[str, Verdict],
        now: float,
        clock_now: datetime,
    ) -> None:
        """Queue what the source brought up to its position; a lane that is full is left out from there on.

        `verdicts` is what all workers know of those endpoints that are not to be asked as usual.
        """
        if len(self._lanes) > LANES_KEPT:
            self._lanes = {name: lane for name, lane in self._lanes.items() if not lane.is_done}
        for job in jobs:
            lane = self._lanes.setdefault(job.lane, Lane(cap=self._cap))
            lane.queue.append(job)
            lane.instances.add(instance_of(job.connection))
            capped_at = requests_per_minute(job.connection, job.client)
            lane.per_minute = min(filter(None, (lane.per_minute, capped_at)), default=0)
        for name, verdict in verdicts.items():
            self._lanes[name].apply(verdict, now=now, clock_now=clock_now)
        for lane in self._lanes.values():
            if len(lane.queue) > lane.full and lane.per_minute and not lane.stopped:
                self._cut(lane)
            elif not lane.held and len(lane.queue) >= lane.full:
                lane.held, lane.held_since = True, position

    def _cut(self, lane: Lane) -> None:
        """Keep what can leave in time; the source comes back for the rest."""
        while len(lane.queue) > lane.full:
            self._surplus.append(lane.queue.pop())
        last = lane.queue[-1].connection
        since = (last.refresh_due_at, last.pk) if last.refresh_due_at else None
        lane.held_since = min(lane.held_since, since) if lane.held and lane.held_since and since else since
        lane.held = True

    def surplus(self) -> list[Job]:
        """Take out what was brought too early."""
        taken, self._surplus = self._surplus, []
        return taken

    def let_go(self) -> list[Position | None]:
        """Take lanes in again that have room; where each was left out."""
        ready = [lane for lane in self._lanes.values() if lane.held and not lane.stopped and len(lane.queue) < lane.low]
        for lane in ready:
            lane.held = False
        return [lane.held_since for lane in ready]

    def left_out(self) -> frozenset[Instance]:
        """The instances that nothing is claimed for now."""
        closed = (lane.instances for lane in self._lanes.values() if lane.held or lane.stopped)
        return frozenset(self._stopped.union(*closed))

    def stop(self, instances: Iterable[Instance]) -> None:
        """Send nothing more to instances that need an operator."""
        self._stopped.update(instances)

    def dropped(self, *, everything: bool = False) -> list[Job]:
        """Take out the jobs that will not be sent: those of stopped lanes and instances, or all."""
        out: list[Job] = []
        for lane in self._lanes.values():
            waiting = list(lane.queue)
            lane.queue.clear()
            for job in waiting:
                stopped = everything or lane.stopped or instance_of(job.connection) in self._stopped
                (out if stopped else lane.queue).append(job)
        return out

    def ready(self, *, now: float) -> int:
        """How many jobs could be sent."""
        return sum(lane.room(now=now) for lane in self._lanes.values())

    def choose(self, count: int, *, now: float) -> list[Job]:
        """Take up to `count` jobs to be sent at once, from all lanes alike."""
        chosen: list[Job] = []
        lanes = [lane for lane in self._lanes.values() if lane.room(now=now)]
        while lanes and len(chosen) < count:
            share = max(1, (count - len(chosen)) // len(lanes))
            for lane in lanes:
                for _ in range(min(share, lane.room(now=now), count - len(chosen))):
                    chosen.append(lane.take())
            lanes = [lane for lane in lanes if lane.room(now=now)]
        return chosen

    def put_aside(self, jobs: Iterable[Job]) -> None:
        """Forget jobs that were chosen and are not sent after all."""
        for job in jobs:
            self._lanes[job.lane].in_flight -= 1

    def learn(self, job: Job, error: OAuthError | None, *, now: float) -> None:
        """Take note of a job's end. What refuses one request (a scope, say) does not speak of its registration."""
        lane = self._lanes[job.lane]
        lane.in_flight -= 1
        was_stopped, resumes_at = lane.stopped, lane.resumes_at
        lane.learn(error, now=now)
        if lane.in_trouble and _is_answer(error):
            self._news.works.append(job.lane)
            lane.in_trouble = False
        if error is not None and error.remedy is Remedy.RETRY:
            asked = bool(error.retry_after) and lane.resumes_at >= resumes_at + 1
            if asked or (lane.stopped and not was_stopped):
                trouble = Trouble(
                    endpoint=job.lane,
                    instance=instance_of(job.connection),
                    reason=Reason.ASKED if asked else Reason.DOWN,
                    error_code=error.code,
                    seconds=error.retry_after or 0,
                )
                self._news.troubles.append(trouble)
                lane.in_trouble = True
        elif error is not None and error.remedy is Remedy.OPERATOR and not isinstance(error, RequestRefused):
            self._stopped.add(instance_of(job.connection))

    def news(self) -> News:
        """Take out what is worth telling other workers."""
        taken, self._news = self._news, News()
        return taken

    def turns(self) -> list[str]:
        """Endpoints that this sweep was to try, and did not."""
        return [name for name, lane in self._lanes.items() if lane.trying and not lane.stopped]

    # -- requests a minute

    def wanting(self, *, now: float) -> list[tuple[Job, int, int]]:
        """Lanes that need moments to send at: a job that waits there, how many, and the cap a minute."""
        found = []
        for lane in self._lanes.values():
            if (count := lane.wants_slots(now=now)) > 0:
                lane.reserving = True
                found.append((lane.queue[0], count, lane.per_minute))
        return found

    def give_slots(self, name: str, *, count: int, first: float | None) -> None:
        """Hand a lane the moments that were reserved for it; one that got none is left to others."""
        lane = self._lanes[name]
        lane.reserving = False
        if first is None:
            lane.stopped = True
            return
        distance = 60 / lane.per_minute
        lane.slots.extend(first + number * distance for number in range(count))

    def next_slot(self, *, now: float) -> float:
        """When the next capped lane may send that cannot now; long from now if there is none."""
        waiting = (lane.slots for lane in self._lanes.values() if lane.slots and lane.queue)
        return min((slots[0] for slots in waiting if slots[0] > now), default=float("inf"))


def _is_answer(error: OAuthError | None) -> bool:
    """Whether it shows that the provider works, whatever it said of one request or one registration."""
    return error is None or not (error.remedy is Remedy.RETRY or isinstance(error, AddressRefused))
