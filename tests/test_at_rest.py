"""What a thief of the database or its files would read."""

import base64
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from integrations import vault
from tests.canaries import every_row, leaks
from tests.factories import (
    make_authorization_request,
    make_connection,
    make_pending_revocation,
    make_registration,
    make_tokens,
)
from tests.lending import make_webhook_endpoint

CANARIES = [f"canary-{name}-0123456789" for name in ("access", "refresh", "id", "secret", "verifier", "nonce")]
ACCESS, REFRESH, ID_TOKEN, SECRET, VERIFIER, NONCE = CANARIES
WEBHOOK_SECRETS = [
    f"whsec_{base64.b64encode(f'canary-{name}-0123456789'.encode()).decode()}" for name in ("old", "new")
]
CANARIES += [*WEBHOOK_SECRETS, "canary-old-0123456789", "canary-new-0123456789"]


def database_files() -> Iterator[tuple[str, bytes]]:
    """SQLite's own files: pages, write-ahead log and its index."""
    if database.vendor != "sqlite":
        return
    name = str(database.settings_dict["NAME"])
    for path in sorted(Path(name).parent.glob(Path(name).name + "*")):
        # Read by another process: where a process closes a file, the locks that SQLite has on it there are gone.
        yield path.name, subprocess.run(["cat", path], capture_output=True, check=True).stdout


@pytest.fixture
def secrets_everywhere(transactional_db: None) -> None:
    """Each kind of secret the hub keeps, committed; one token set stored over another, one erased."""
    tokens = make_tokens(access_token=ACCESS, refresh_token=REFRESH, id_token=ID_TOKEN)
    with transaction.atomic():
        registration = make_registration(client_secret=SECRET)
        connection = make_connection(registration=registration, tokens=tokens)
        vault.store(connection, tokens)
        vault.erase(make_connection(registration=registration, tokens=tokens))
        make_pending_revocation(connection=connection, tokens=tokens)
        make_authorization_request(registration=registration, code_verifier=VERIFIER, nonce=NONCE)
        old, new = WEBHOOK_SECRETS
        endpoint = make_webhook_endpoint(secret=old)
        vault.replace_webhook_secret(endpoint, new, now=timezone.now())
        endpoint.save()


@pytest.mark.requirement(92, 27)
@pytest.mark.usefixtures("secrets_everywhere")
def test_no_secret_is_in_any_row_of_any_table() -> None:
    rows = list(every_row())

    assert len(rows) > 100
    for value in rows:
        assert leaks(value, CANARIES) == [], value


@pytest.mark.requirement(92)
@pytest.mark.usefixtures("secrets_everywhere")
def test_no_secret_is_in_the_database_files_or_their_log() -> None:
    files = dict(database_files())
    if not files:
        pytest.skip("the files of a database server are not ours to read; its rows were")

    assert any(b"integrations_vaultentry" in content for content in files.values())
    assert any(name.endswith("-wal") and content for name, content in files.items())
    for name, content in files.items():
        assert leaks(content, CANARIES) == [], name
