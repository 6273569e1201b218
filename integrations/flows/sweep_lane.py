"""Who may send next in a sweep: one lane for each provider's token endpoint, so that none keeps the others waiting."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from integrations.flows.clients import Instance, instance_of
from integrations.flows.sweep_source import Job, Position
from integrations.oauth.errors import OAuthError, Remedy, RequestRefused

WINDOW_FIRST = 64
FULL = 512
LOW = 256
FAILURES_TO_STOP = 20
PAUSE_AT_MOST_SECONDS = 30
LANES_KEPT = 256


@dataclass(kw_only=True)
class Lane:
    """The jobs for one token endpoint, and how much it may be asked at a time.

    The window opens by one with each answer and halves when the provider has no time, so a provider that is down
    costs few calls. `held_since` is where the source left this lane's rows out, because too many wait already.
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

    def __post_init__(self) -> None:
        self.window = min(WINDOW_FIRST, self.cap)

    @property
    def is_done(self) -> bool:
        """Whether nothing would be forgotten with it: all its jobs went well and have ended."""
        return not (self.queue or self.in_flight or self.failures or self.stopped or self.held)

    def room(self, *, now: float) -> int:
        """How many more jobs can be sent."""
        if self.stopped or now < self.resumes_at:
            return 0
        return max(0, min(len(self.queue), self.window - self.in_flight))

    def learn(self, error: OAuthError | None, *, now: float) -> None:
        """Open or close the window; `now` and pauses are in the event loop's seconds."""
        if error is None or not (error.remedy is Remedy.RETRY or isinstance(error, RequestRefused)):
            self.failures = 0
            self.window = min(self.cap, self.window + 1)
            return
        self.failures += 1
        self.window = max(1, self.window // 2)
        retry_after = error.retry_after or 0
        self.stopped = self.stopped or self.failures >= FAILURES_TO_STOP or retry_after > PAUSE_AT_MOST_SECONDS
        self.resumes_at = max(self.resumes_at, now + retry_after)


class Lanes:
    """All lanes of a sweep, and the instances of providers that it asks no more.

    What goes wrong at one tenant of a provider keeps no other tenant waiting.
    """

    def __init__(self, *, cap: int) -> None:
        self._cap = cap
        self._lanes: dict[str, Lane] = {}
        self._stopped: set[Instance] = set()

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

    def add(self, jobs: Sequence[Job], *, position: Position | None) -> None:
        """Queue what the source brought up to its position; a lane that is full is left out from there on."""
        if len(self._lanes) > LANES_KEPT:
            self._lanes = {name: lane for name, lane in self._lanes.items() if not lane.is_done}
        for job in jobs:
            lane = self._lanes.setdefault(job.lane, Lane(cap=self._cap))
            lane.queue.append(job)
            lane.instances.add(instance_of(job.connection))
        for lane in self._lanes.values():
            if not lane.held and len(lane.queue) >= FULL:
                lane.held, lane.held_since = True, position

    def let_go(self) -> list[Position | None]:
        """Take lanes in again that have room; where each was left out."""
        ready = [lane for lane in self._lanes.values() if lane.held and not lane.stopped and len(lane.queue) < LOW]
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
                    chosen.append(lane.queue.popleft())
                    lane.in_flight += 1
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
        lane.learn(error, now=now)
        if error is not None and error.remedy is Remedy.OPERATOR and not isinstance(error, RequestRefused):
            self._stopped.add(instance_of(job.connection))
