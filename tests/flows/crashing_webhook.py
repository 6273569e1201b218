"""A sender that dies by SIGKILL where it was told to: `python -m tests.flows.crashing_webhook`.

Arguments: the time, the point: `claimed`, before the message leaves; `sent`, when it was answered.
"""

import os
import signal
import sys
from collections.abc import Mapping
from datetime import datetime

import django


def main(now: str, point: str) -> None:
    django.setup()
    from integrations.flows.clients import address_policy
    from integrations.flows.webhook_send import send_webhooks
    from integrations.webhook_post import Answer, Post

    class Dying:
        def send(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Answer:
            if point == "sent":
                Post(address_policy()).send(url, headers=headers, body=body)
            os.kill(os.getpid(), signal.SIGKILL)
            raise AssertionError

    send_webhooks(clock=lambda: datetime.fromisoformat(now), sender=Dying())


if __name__ == "__main__":
    main(*sys.argv[1:])
