"""A process of its own that uses a connection some times and ends: python -m tests.flows.using <pk> <now> <times>."""

import sys
from datetime import datetime

import django


def main(connection_id: str, now: str, times: str) -> None:
    from integrations.flows import uses
    from integrations.models import Connection

    used = Connection.objects.get(pk=connection_id)
    for _ in range(int(times)):
        uses.note(used, actor="another process", now=datetime.fromisoformat(now))


if __name__ == "__main__":
    django.setup()
    main(*sys.argv[1:])
