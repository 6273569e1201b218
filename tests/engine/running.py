"""Call tasks and wait until they, and what they asked for, are done."""

import threading
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Protocol, Self

from celery import Task
from celery.contrib.testing.worker import start_worker
from celery.signals import after_task_publish, task_failure, task_postrun
from kombu import pools

from bench.fleet import wait_for
from hub import engine
from hub.celery import app


class Engine(Protocol):
    """How tasks are run."""

    def run(self, task: Task, *arguments: Any) -> None: ...


class Inline:
    """As without a broker."""

    def run(self, task: Task, *arguments: Any) -> None:
        task.apply_async(args=arguments)


def configuration(broker_url: str) -> dict[str, Any]:
    """What the settings would be with this broker."""
    return engine.configuration(broker_url=broker_url, sweep_every_seconds=60, slice_seconds=60, longest_seconds=100)


class Connected:
    """The application as it is with a broker, in this process, until the end of the block."""

    def __init__(self, broker_url: str) -> None:
        self._configuration = configuration(broker_url)

    def __enter__(self) -> Self:
        self._before = {name: app.conf[name] for name in self._configuration}
        self._connect(self._configuration)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connect(self._before)

    def _connect(self, values: dict[str, Any]) -> None:
        app.conf.update(values)
        pools.reset()
        app._pool = app.amqp._producer_pool = None  # type: ignore[attr-defined]


class Worker(Connected):
    """A worker that takes one task after the other."""

    def __init__(self, broker_url: str) -> None:
        super().__init__(broker_url)
        self._published: set[str] = set()
        self._done: set[str] = set()
        self.failed: list[BaseException] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        super().__enter__()
        after_task_publish.connect(self._note_published)
        task_postrun.connect(self._note_done)
        task_failure.connect(self._note_failed)
        with ExitStack() as stack:
            stack.callback(super().__exit__, None, None, None)
            stack.enter_context(start_worker(app, perform_ping_check=False, shutdown_timeout=60.0))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        after_task_publish.disconnect(self._note_published)
        task_postrun.disconnect(self._note_done)
        task_failure.disconnect(self._note_failed)

    def run(self, task: Task, *arguments: Any) -> None:
        task.apply_async(args=arguments)
        wait_for(self._all_done, what="tasks were not done")

    def _all_done(self) -> bool:
        with self._lock:
            return self._published <= self._done

    def _note_published(self, headers: dict[str, Any], **_: Any) -> None:
        with self._lock:
            self._published.add(headers["id"])

    def _note_done(self, task_id: str, **_: Any) -> None:
        with self._lock:
            self._done.add(task_id)

    def _note_failed(self, exception: BaseException, **_: Any) -> None:
        self.failed.append(exception)
