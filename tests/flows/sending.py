"""A sender of notices that dies by SIGKILL once a letter is handed over: `python -m tests.flows.sending`.

Arguments: the time, the mail server's address, and the point: `claimed`, before any letter leaves, or `handed over`,
before it is struck off.
"""

import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

import django
from django.conf import settings
from django.db import connection as database

from tests.flows.crashing import die

DIES_BEFORE = {"claimed": 'UPDATE "integrations_mailbox" SET "lease_until"', "handed over": "DELETE FROM"}


def main(now: str, url: str, point: str) -> None:
    django.setup()
    from hub.environment import mailer
    from integrations.mail.outbox import send_notices

    def reap(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(DIES_BEFORE[point]) and "created_at" not in sql:
            die()
        return execute(sql, params, many, context)

    settings.EMAIL_URL = url
    settings.MAILERS = {"default": mailer(url)}
    with database.execute_wrapper(reap):
        send_notices(clock=lambda: datetime.fromisoformat(now))


if __name__ == "__main__":
    main(*sys.argv[1:])
