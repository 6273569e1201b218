"""Seal 20,000 vault entries anew while a sweep runs and programs borrow; exit code 1 when a borrow fails.

Each round puts another key first in this process. The sweep and the borrowers are processes of their own that keep
to the old order of the same ring, as workers do that were not restarted yet. Floor: the bare driver and `cryptography`
read, open, seal and write the same rows with nothing else running. `alone` is the hub's own figure without traffic.
"""

import base64
import json
import os
import sys
import time
from contextlib import closing
from datetime import timedelta
from statistics import median

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import connection as database
from django.utils import timezone

from bench import floor, hub
from bench.provider import Provider
from bench.traffic import Traffic
from integrations.flows.reseal import reseal
from integrations.models import Connection

COUNT = int(os.environ.get("BENCH_COUNT", "20000"))
ROUNDS = 3
BATCH = 500
KEYS = {f"k{number}": base64.b64encode(bytes([number]) * 32).decode() for number in range(ROUNDS + 2)}

READ = """
    SELECT v.connection_id, c.owner_id, c.registration_id, c.version, v.sealed
    FROM integrations_vaultentry v JOIN integrations_connection c ON c.id = v.connection_id
    WHERE v.connection_id > {} ORDER BY v.connection_id LIMIT {}
"""
WRITE = "UPDATE integrations_vaultentry SET sealed = {}, key_id = {} WHERE connection_id = {} AND sealed = {}"


def main() -> int:
    settings.HUB_SEALING_KEYS = ring()
    hub.empty_database()
    with Provider(delay_seconds=0.05) as provider:
        connect(provider)
        bare = bare_per_second()
        alone, _ = resealed_per_second("k1")
        figures, done = [], 0
        with (
            Traffic("sweep", settings={"HUB_SEALING_KEYS": ring()}) as sweep,
            Traffic("borrow", settings={"HUB_SEALING_KEYS": ring()}) as first,
            Traffic("borrow", settings={"HUB_SEALING_KEYS": ring()}) as second,
        ):
            for number in range(ROUNDS):
                figure, count = resealed_per_second(f"k{number + 2}")
                figures.append(figure)
                done += count
            swept, borrowed = sweep.result(), [first.result(), second.result()]
        reuses = provider.statistics()["reuses"]
    failures = {name: n for counts in borrowed for name, n in counts.items() if name.startswith("failed")}
    hub.report(
        "reseal",
        figure=median(figures),
        unit="entries/s",
        floor=bare,
        n=COUNT,
        rounds=[round(figure) for figure in figures],
        alone=round(alone),
        resealed=done,
        refreshed=swept.get("refreshed", 0),
        refreshed_per_second=round(swept.get("refreshed", 0) / max(1, swept["seconds"])),
        borrowed=sum(counts.get("borrowed", 0) for counts in borrowed),
        failed_borrows=sum(failures.values()),
        reuses=reuses,
    )
    for name, count in failures.items():
        print(f"reseal: {count} x {name}", file=sys.stderr)
    return 1 if failures or reuses else 0


def ring(first: str = "k0") -> str:
    """Every key, one of them first."""
    return ",".join(f"{key_id}:{KEYS[key_id]}" for key_id in dict.fromkeys([first, *KEYS]))


def connect(provider: Provider) -> None:
    ids = hub.connect_many(hub.register(provider.origin), COUNT)
    later = timezone.now() + timedelta(hours=1)
    Connection.objects.update(access_expires_at=later, refresh_due_at=later, last_used_at=timezone.now())
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")
    assert len(ids) == COUNT


def resealed_per_second(first: str) -> tuple[float, int]:
    settings.HUB_SEALING_KEYS = ring(first)
    began = time.perf_counter()
    done = reseal(now=timezone.now())
    assert not done.unopened, done
    return done.done / (time.perf_counter() - began), done.done


def bare_per_second() -> float:
    """Open and seal every entry under the very key it is under: as much work, and nothing changes for the hub."""
    cipher = AESGCM(base64.b64decode(KEYS["k0"]))
    mark = "?" if database.vendor == "sqlite" else "%s"
    read, write = READ.format(mark, mark), WRITE.format(mark, mark, mark, mark)
    began, last, header = time.perf_counter(), 0, b"\x01\x02k0"
    with floor.bare_connection() as bare, closing(bare.cursor()) as cursor:
        while batch := cursor.execute(read, (last, BATCH)).fetchall():
            changes = []
            for row, owner, registration, version, sealed in batch:
                place = header + json.dumps(["vault_entry", row, owner, registration, version]).encode()
                plaintext = cipher.decrypt(sealed[4:16], sealed[16:], place)
                nonce = os.urandom(12)
                changes.append((header + nonce + cipher.encrypt(nonce, plaintext, place), "k0", row, sealed))
            cursor.execute("BEGIN")
            cursor.executemany(write, changes)
            cursor.execute("COMMIT")
            last = batch[-1][0]
    return COUNT / (time.perf_counter() - began)


if __name__ == "__main__":
    sys.exit(main())
