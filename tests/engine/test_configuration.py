"""What the settings make of a broker, or of none."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hub.engine import QUEUES
from tests.test_settings import PRODUCTION, Load, load

__all__ = ["load"]
BROKER = "redis://:canary-broker-password@broker.example.com:6379/0"
ROOT = Path(__file__).resolve().parent.parent.parent


def engine(load: Load, **more: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = load(PRODUCTION | more)["CELERY"]
    return found


def test_without_a_broker_tasks_run_where_they_are_called(load: Load) -> None:
    assert engine(load)["task_always_eager"] is True
    assert engine(load, HUB_BROKER_URL=BROKER)["task_always_eager"] is False


def test_the_broker_may_come_from_a_file(load: Load, tmp_path: Path) -> None:
    file = tmp_path / "broker"
    file.write_text(f"{BROKER}\n")

    assert engine(load, HUB_BROKER_URL_FILE=str(file))["broker_url"] == BROKER


@pytest.mark.requirement(67)
@pytest.mark.parametrize(("deadline", "lease"), [("10", "60"), ("1", "11"), ("120", "130"), ("10", "3600")])
def test_a_task_outlives_the_lease_that_it_takes_and_is_given_to_nobody_else_before(
    load: Load, deadline: str, lease: str
) -> None:
    settings = load(
        PRODUCTION | {"HUB_BROKER_URL": BROKER, "HUB_HTTP_DEADLINE_SECONDS": deadline, "HUB_LEASE_SECONDS": lease}
    )
    found = settings["CELERY"]
    soft, hard = found["task_soft_time_limit"], found["task_time_limit"]

    assert soft > int(lease) > int(deadline)
    assert soft > settings["HUB_SLICE_SECONDS"] + 4 * int(deadline)
    assert found["broker_transport_options"]["visibility_timeout"] > hard > soft


def test_nothing_but_json_travels_and_nothing_is_brought_back(load: Load) -> None:
    found = engine(load, HUB_BROKER_URL=BROKER)

    assert found["accept_content"] == ["json"]
    assert found["task_serializer"] == "json"
    assert found["result_backend"] is None
    assert found["task_ignore_result"] is True


def test_a_task_is_done_with_when_it_is_done(load: Load) -> None:
    found = engine(load, HUB_BROKER_URL=BROKER)

    assert found["task_acks_late"] is True
    assert found["task_reject_on_worker_lost"] is True
    assert found["worker_prefetch_multiplier"] == 1


@pytest.mark.parametrize("scheme", ["rediss", "amqps"])
def test_certificates_and_names_of_brokers_are_checked(load: Load, scheme: str) -> None:
    asked = engine(load, HUB_BROKER_URL=f"{scheme}://hub:password@broker.example.com")["broker_use_ssl"]

    assert "CERT_REQUIRED" in str(asked)
    assert asked.get("ssl_check_hostname") or "server_hostname" in asked


def test_a_broker_that_is_refused_is_not_repeated(load: Load) -> None:
    with pytest.raises(Exception, match="HUB_BROKER_URL must be") as refusal:
        engine(load, HUB_BROKER_URL=BROKER.replace("redis", "http"))

    assert "canary" not in str(refusal.value)


def test_units_start_what_the_guide_says() -> None:
    guide = (ROOT / "docs" / "operations.md").read_text()
    folder = ROOT / "docs" / "deploy" / "systemd"
    started = {
        path.name: re.findall(r"^ExecStart=\S+/(\S+.*)$", path.read_text(), re.MULTILINE)[0]
        for path in folder.glob("*.service")
    }

    assert sorted(started) == ["hub-beat.service", "hub-web.service", "hub-worker.service"]
    assert [command for command in started.values() if command not in guide] == []
    assert all(name in guide for name in QUEUES)
