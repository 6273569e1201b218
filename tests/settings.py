"""The settings under test: fixed keys, a fast hasher, loopback providers, files that vanish with the process.

DATABASE_URL selects the database; without it each process has its own SQLite file.
"""

import atexit
import base64
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

SCRATCH = Path(tempfile.mkdtemp(prefix="hub-tests-"))
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)
_KEY = base64.b64encode(hashlib.sha256(b"a key for tests").digest()).decode()

os.environ["HUB_MODE"] = "test"
os.environ.setdefault("SECRET_KEY", "tests " * 20)
os.environ.setdefault("HUB_SEALING_KEYS", f"test:{_KEY}")
os.environ.setdefault("HUB_VAR_DIRECTORY", str(SCRATCH))
os.environ.setdefault("DATABASE_URL", f"sqlite:///{SCRATCH / 'hub.sqlite3'}")

from hub.settings import *  # noqa: E402, F403
from hub.settings import ALLOWED_HOSTS, DATABASES  # noqa: E402

ALLOWED_HOSTS = [*ALLOWED_HOSTS, "testserver"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
HUB_OUTBOUND_ALLOWED_HOSTS = ("127.0.0.1", "localhost")
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, not memory: threads and other processes must see the same rows.
    DATABASES["default"]["TEST"] = {"NAME": str(SCRATCH / "test.sqlite3")}
