"""Work on several machines: how Celery is set up, each value on purpose. docs/operations.md tells the reasons.

Without a broker every task runs where it is called, and cron does what beat would do.
"""

import ssl
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from hub.environment import Environment

TASKS = "integrations.tasks"
CHORES, SWEEP, CALLS = QUEUES = ("hub.chores", "hub.sweep", "hub.calls")
ROUTES = {
    f"{TASKS}.sweep_slice": {"queue": SWEEP},
    f"{TASKS}.refresh_connection": {"queue": CALLS},
    f"{TASKS}.tell_providers": {"queue": CALLS},
    f"{TASKS}.tell_applications": {"queue": CALLS},
}
TLS = {
    "rediss": {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True},
    # None: the name in the address. Left out, no name would be checked.
    "amqps": {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": None},
}
HOW_TO_SET = "HUB_BROKER_URL=redis://:password@host:6379/0 (or rediss://, amqp://, amqps://)"
ONE_RETRY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.2}
MINUTE_SECONDS = 60
WEBHOOKS_EVERY_SECONDS = 10


def broker_url(env: Environment) -> str:
    """HUB_BROKER_URL; empty where tasks run inline.

    Raises:
        ImproperlyConfigured: not the address of a Redis or RabbitMQ server; the address is not repeated.
    """
    value: str = env.str("HUB_BROKER_URL", default="").strip()
    if not value:
        return ""
    try:
        url = urlsplit(value)
        is_usable = url.scheme in ("redis", "rediss", "amqp", "amqps") and bool(url.hostname) and url.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise ImproperlyConfigured(f"HUB_BROKER_URL must be Redis or RabbitMQ: {HOW_TO_SET}")
    return value


def configuration(
    *, broker_url: str, sweep_every_seconds: int, slice_seconds: int, longest_seconds: int
) -> dict[str, Any]:
    """Celery's settings; `longest_seconds` is what one call may take beyond the time that a task gives itself."""
    soft_limit = slice_seconds + longest_seconds
    hard_limit = soft_limit + 30
    return {
        **_broker(broker_url, visibility_seconds=hard_limit + MINUTE_SECONDS),
        "task_always_eager": not broker_url,
        "include": [TASKS],
        "timezone": "UTC",
        # what travels
        "accept_content": ["json"],
        "task_serializer": "json",
        "task_default_delivery_mode": "transient",
        "task_ignore_result": True,
        "result_backend": None,
        "task_queues": {name: {"exchange": name, "routing_key": name} for name in QUEUES},
        "task_create_missing_queues": False,
        "task_default_queue": CHORES,
        "task_routes": ROUTES,
        # a task that is begun, and what ends it
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_soft_time_limit": soft_limit,
        "task_time_limit": hard_limit,
        "worker_prefetch_multiplier": 1,
        "worker_max_tasks_per_child": 500,
        "worker_proc_alive_timeout": float(MINUTE_SECONDS),
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        # what nobody needs
        "worker_enable_remote_control": False,
        "worker_send_task_events": False,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        # the clock
        "beat_scheduler": "celery.beat:Scheduler",
        "beat_schedule": schedule(sweep_every_seconds=sweep_every_seconds),
    }


def schedule(*, sweep_every_seconds: int) -> dict[str, dict[str, Any]]:
    """What beat asks for, and how often. Two beats ask twice, and the second time nothing is left to do."""
    return {
        "sweep": {"task": f"{TASKS}.dispatch", "schedule": float(sweep_every_seconds)},
        "mail": {"task": f"{TASKS}.send_mail", "schedule": float(MINUTE_SECONDS)},
        "webhooks": {"task": f"{TASKS}.tell_applications", "schedule": float(WEBHOOKS_EVERY_SECONDS)},
        "closures": {"task": f"{TASKS}.finish_account_closures", "schedule": float(5 * MINUTE_SECONDS)},
        "bulk": {"task": f"{TASKS}.revoke_in_bulk", "schedule": float(MINUTE_SECONDS)},
        "prune": {"task": f"{TASKS}.prune", "schedule": float(60 * MINUTE_SECONDS)},
    }


def _broker(broker_url: str, *, visibility_seconds: int) -> dict[str, Any]:
    """Nobody who publishes waits for long, and who listens waits for a broker that is away."""
    scheme = urlsplit(broker_url).scheme
    redis = {
        "visibility_timeout": visibility_seconds,
        "socket_connect_timeout": 3,
        "socket_timeout": 5,
        "socket_keepalive": True,
    }
    return {
        "broker_url": broker_url or "memory://localhost",
        "broker_use_ssl": TLS.get(scheme),
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_connection_timeout": 3,
        "broker_transport_options": ONE_RETRY | (redis if scheme.startswith("redis") else {"write_timeout": 5}),
        "task_publish_retry_policy": ONE_RETRY,
    }
