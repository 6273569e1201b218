"""Messages leave by their own command, and at the end of a sweep; a receiver that fails is no failure of either."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from integrations.crypto import new_key
from tests.fakes.receiver import Receiver
from tests.lending import make_webhook_delivery, make_webhook_endpoint

pytestmark = pytest.mark.django_db(transaction=True)


def output(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_it_sends_what_is_due_and_says_what_became_of_it(receiver: Receiver) -> None:
    endpoint = make_webhook_endpoint(url=receiver.url)
    receiver.answer(500)
    for _ in range(2):
        make_webhook_delivery(endpoint)

    report = json.loads(output("send_webhooks", "--json"))

    assert report == {"delivered": 1, "retry_later": 1, "failed": 0, "needs_operator": False}
    assert output("send_webhooks") == "0 delivered, 0 to be tried again, 0 failed\n"


def test_a_sweep_sends_them_at_its_end(receiver: Receiver) -> None:
    message = make_webhook_delivery(make_webhook_endpoint(url=receiver.url))

    output("sweep_tokens", "--dry-run")
    assert receiver.ids == []
    output("sweep_tokens")

    assert receiver.ids == [message.message_id]


def test_without_the_keys_an_operator_must_act(receiver: Receiver, settings: Settings) -> None:
    make_webhook_delivery(make_webhook_endpoint(url=receiver.url))
    settings.HUB_SEALING_KEYS = new_key("another")

    with pytest.raises(CommandError, match="HUB_SEALING_KEYS") as caught:
        output("send_webhooks")

    assert caught.value.returncode == 1
