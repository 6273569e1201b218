"""Celery's application: `celery -A hub worker`, `celery -A hub beat`. Programs that enqueue import it first.

The web server does not: it enqueues nothing. What a request leaves to be done is a row, which a worker finds.
"""

import os
import threading

import django
from celery import Celery, Task
from celery.signals import beat_init, setup_logging, task_postrun, task_prerun, worker_init
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from structlog.contextvars import bind_contextvars, unbind_contextvars

from hub.engine import HOW_TO_SET

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
django.setup()

from hub.startup import refuse_errors  # noqa: E402

app = Celery("hub")
app.config_from_object(settings.CELERY)


@setup_logging.connect
def _leave_logging_to_django(**_: object) -> None:
    """With a receiver Celery sets up no logging of its own; its records pass the hub's redactor like all others."""


@worker_init.connect
@beat_init.connect
def _refuse_to_start(**_: object) -> None:
    """As the web server does: stop with one sentence where settings are wrong."""
    if not settings.HUB_BROKER_URL:
        raise SystemExit(f"Not started. There is no broker to work for: {HOW_TO_SET}")
    try:
        refuse_errors()
    except ImproperlyConfigured as error:
        raise SystemExit(str(error)) from None
    finally:
        _let_go_of_database()


def _let_go_of_database() -> None:
    """Children are to inherit no connection, and no pool whose threads stay behind.

    A worker in a thread forks nothing, and the pool is not its own.
    """
    for connection in connections.all(initialized_only=True):
        connection.close()
        if threading.current_thread() is threading.main_thread():
            getattr(connection, "close_pool", lambda: None)()


@task_prerun.connect
def _name_task(task_id: str, task: "Task[..., object]", **_: object) -> None:
    bind_contextvars(task_id=task_id, task=task.name)


@task_postrun.connect
def _forget_task(**_: object) -> None:
    unbind_contextvars("task_id", "task")
