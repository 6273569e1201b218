"""The hub as a bench needs it: settings, an empty database, connections by the thousand. Import it first."""

import base64
import gc
import json
import os
import platform
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import django

# Goes with this process, unless it was given.
_own = None if "HUB_VAR_DIRECTORY" in os.environ else tempfile.TemporaryDirectory(prefix="hub-bench-")
FOLDER = Path(_own.name if _own else os.environ["HUB_VAR_DIRECTORY"])
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
os.environ.setdefault("HUB_VAR_DIRECTORY", str(FOLDER))
os.environ.setdefault("DATABASE_URL", f"sqlite:///{FOLDER / 'hub.sqlite3'}")
os.environ.setdefault("HUB_MODE", "test")
os.environ.setdefault("SECRET_KEY", "bench " * 20)
os.environ.setdefault("HUB_SEALING_KEYS", "bench:" + base64.b64encode(b"b" * 32).decode())
os.environ.setdefault("HUB_OUTBOUND_ALLOWED_HOSTS", "127.0.0.1")
os.environ.setdefault("LOG_LEVEL", "ERROR")
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection as database  # noqa: E402
from django.db import transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from integrations import vault  # noqa: E402
from integrations.models import ClientRegistration, Connection, VaultEntry  # noqa: E402
from integrations.vault import TokenSet  # noqa: E402

SCOPE = "notes:read profile"


def empty_database() -> None:
    """All tables, without rows."""
    call_command("migrate", verbosity=0)
    call_command("flush", interactive=False, verbosity=0)


def register(origin: str) -> ClientRegistration:
    """The sandbox's entry at a bench provider."""
    registration = ClientRegistration.objects.create(
        slug="bench", provider="sandbox", variables={"origin": origin}, client_id="hub"
    )
    vault.seal_client_secret(registration, "a secret of the bench")
    registration.save()
    return registration


def connect_many(registration: ClientRegistration, count: int, *, now: datetime | None = None) -> list[int]:
    """Connections that are due, each with an owner of its own; their ids."""
    now = now or timezone.now()
    with transaction.atomic():
        owners = User.objects.bulk_create(User(username=f"owner{n}", password="!") for n in range(count))
        rows = Connection.objects.bulk_create(
            Connection(
                owner=owner,
                registration=registration,
                issuer="https://issuer.example.test",
                subject=f"subject-{n}",
                granted_scope=SCOPE,
                access_expires_at=now + timedelta(seconds=60),
                access_lifetime_seconds=3600,
                refresh_due_at=now - timedelta(seconds=60),
                has_refresh_token=True,
                version=1,
            )
            for n, owner in enumerate(owners)
        )
        VaultEntry.objects.bulk_create(sealed(row, n) for n, row in enumerate(rows))
    return [row.pk for row in rows]


def sealed(row: Connection, family: int) -> VaultEntry:
    tokens = TokenSet(access_token=f"a.{family}.0." + "x" * 64, refresh_token=f"r.{family}.0")
    return VaultEntry(
        connection=row, sealed=vault.seal_tokens(row, tokens, version=row.version), key_id=vault.keyring().primary
    )


def due_again(now: datetime) -> None:
    """Everything is due, and analysed as a database in use would be."""
    Connection.objects.update(refresh_due_at=now - timedelta(seconds=60))
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")
    gc.collect()


def report(name: str, *, figure: float, unit: str, floor: float, n: int, **more: object) -> None:
    """Print one result."""
    result = {
        "name": name,
        "figure": round(figure, 1),
        "unit": unit,
        "floor": round(floor, 1),
        "ratio": round(figure / floor, 3) if floor else None,
        "n": n,
        "database": database.vendor,
        "python": platform.python_version(),
        **more,
    }
    print(json.dumps(result), flush=True)
