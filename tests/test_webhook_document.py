"""What docs/webhooks.md tells receivers is so: its ten lines run, its example verifies, its table is whole."""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from integrations import webhook_signature
from integrations.flows.webhook_queue import SCHEDULE
from integrations.models import WebhookKind
from integrations.webhook_signature import WebhookSignature

DOCUMENT = (Path(__file__).resolve().parent.parent / "docs" / "webhooks.md").read_text(encoding="utf-8")
SECRET = "whsec_" + "c2VjcmV0" * 4

type Receive = Callable[[Mapping[str, str], bytes], int]


@pytest.fixture
def work() -> list[Any]:
    return []


@pytest.fixture
def receive(work: list[Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Receive]:
    """The receiver of the document, with the module beside it."""
    monkeypatch.setitem(sys.modules, "webhook_signature", webhook_signature)
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT, flags=re.DOTALL)
    seen: set[str] = set()

    def remembers(message_id: str) -> bool:
        known = message_id in seen
        seen.add(message_id)
        return known

    names: dict[str, Any] = {"SECRET": SECRET, "remembers": remembers, "work_on_later": work.append}
    exec(code, names)
    yield names["receive"]


@pytest.mark.requirement(154)
def test_the_ten_lines_take_a_message_once_and_no_other(receive: Receive, work: list[Any]) -> None:
    body = b'{"type": "webhook.test"}'
    headers = WebhookSignature.of(SECRET).sign("msg_1", sent_at=datetime.now(UTC), body=body)

    assert receive(headers, body + b" ") == 400
    assert receive(headers, body) == 204
    assert receive(headers, body) == 204
    assert work == [{"type": "webhook.test"}]


@pytest.mark.requirement(153)
def test_the_example_is_signed_with_its_secret() -> None:
    headers = dict(re.findall(r"^    (webhook-\w+): (.*)$", DOCUMENT, flags=re.MULTILINE))
    (body,) = re.findall(r'^    (\{"type".*)$', DOCUMENT, flags=re.MULTILINE)
    (secret,) = re.findall(r"Signed with `(whsec_\S+)`", DOCUMENT)
    sent_at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)

    assert WebhookSignature.of(secret).verify(headers, body.encode(), now=sent_at).sent_at == sent_at


def test_every_type_has_its_row_and_every_wait_is_said() -> None:
    assert re.findall(r"^\| `(connection\.\w+)` \|", DOCUMENT, flags=re.MULTILINE) == list(WebhookKind.values)
    waits = re.search(r"sent again after (.*?) hours, each up to a fifth later: ten\s+attempts", DOCUMENT)
    assert waits is not None
    assert waits[1] == "5 seconds, 5 minutes, 30 minutes, 2, 5, 10, 14, 20 and 24"
    hours = [wait.total_seconds() / 3600 for wait in SCHEDULE]
    assert hours[3:] == [2, 5, 10, 14, 20, 24]
    assert [round(hour * 3600) for hour in hours[:3]] == [5, 300, 1800]
