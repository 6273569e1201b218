"""The rows of a fleet's database, from a process of its own: `python -m tests.real.fleet_rows seed|settle …`.

seed ORIGIN COUNT    all tables, and so many connections whose tokens have run out, at the provider there
settle MINUTES       sweep as it will be done so many minutes from now; then print what each connection is and holds
"""

import json
import sys
from datetime import timedelta

from django.utils import timezone

from bench import hub
from integrations import vault
from integrations.flows.sweep import SweepOptions, sweep
from integrations.models import Connection


def seed(origin: str, count: str) -> None:
    hub.empty_database()
    hub.connect_many(hub.register(origin), int(count))
    Connection.objects.update(access_expires_at=timezone.now() - timedelta(minutes=1))


def settle(minutes: str) -> None:
    later = timedelta(minutes=int(minutes))
    sweep(SweepOptions(), clock=lambda: timezone.now() + later)
    rows = Connection.objects.select_related("vault_entry").order_by("pk")
    print(json.dumps([_held(row) for row in rows]))


def _held(row: Connection) -> dict[str, object]:
    tokens = vault.read(row)
    _, family, generation = (tokens.refresh_token or "").split(".")
    _, *of_access, _ = tokens.access_token.split(".")
    assert of_access == [family, generation], "an access token beside another one's refresh token"
    return {
        "family": int(family),
        "generation": int(generation),
        "status": row.status,
        "code": row.last_error_code,
        "version": row.version,
        "has_lease": bool(row.lease_owner),
        "events": list(row.events.order_by("pk").values_list("kind", flat=True)),
    }


if __name__ == "__main__":
    if sys.argv[1] == "seed":
        seed(*sys.argv[2:])
    else:
        settle(*sys.argv[2:])
