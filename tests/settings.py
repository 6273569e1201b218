"""The settings under test: fixed keys, a fast hasher, loopback providers, files that vanish with the process.

DATABASE_URL selects the database; without it each process has its own SQLite file. What is set here for the
settings to read does not stay in the environment, where a process that a test starts would inherit it.
"""

import atexit
import base64
import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from unittest.mock import patch

SCRATCH = Path(tempfile.mkdtemp(prefix="hub-tests-"))
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)
_KEY = base64.b64encode(hashlib.sha256(b"a key for tests").digest()).decode()
_ENVIRONMENT = {
    "SECRET_KEY": "tests " * 20,
    "HUB_SEALING_KEYS": f"test:{_KEY}",
    "HUB_VAR_DIRECTORY": str(SCRATCH),
    "DATABASE_URL": f"sqlite:///{SCRATCH / 'hub.sqlite3'}",
}

with patch.dict(os.environ, {**_ENVIRONMENT, **os.environ, "HUB_MODE": "test"}):
    from hub.authorization_server.configuration import CLIENT_SECRET_HASHER
    from hub.settings import *  # noqa: F403
    from hub.settings import ALLOWED_HOSTS, DATABASES

ALLOWED_HOSTS = [*ALLOWED_HOSTS, "testserver"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    CLIENT_SECRET_HASHER,
]
HUB_OUTBOUND_ALLOWED_HOSTS = ("127.0.0.1", "localhost")
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, not memory: threads and other processes must see the same rows.
    DATABASES["default"]["TEST"] = {"NAME": str(SCRATCH / "test.sqlite3")}
