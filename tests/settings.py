"""The settings under test: fixed keys, a fast hasher, loopback providers, files that vanish with the process.

DATABASE_URL selects the database; without it each pytest process has its own SQLite file. What is set here for the
settings to read does not stay in the environment, where a process that a test starts would inherit it.
"""

import base64
import hashlib
import os
import secrets
import tempfile
from pathlib import Path
from unittest.mock import patch

# Made and removed by conftest.py, which pytest runs and other readers of these settings do not.
SCRATCH = Path(tempfile.gettempdir()) / f"hub-tests-{secrets.token_hex(8)}"
_KEY = base64.b64encode(hashlib.sha256(b"a key for tests").digest()).decode()
_ENVIRONMENT = {
    "SECRET_KEY": "tests " * 20,
    "HUB_SEALING_KEYS": f"test:{_KEY}",
    "HUB_VAR_DIRECTORY": str(SCRATCH),
    "DATABASE_URL": "sqlite://:memory:",
    "HUB_CATALOGUE_DIRECTORY": str(Path(__file__).with_name("catalogue")),
}

with patch.dict(os.environ, {**_ENVIRONMENT, **os.environ, "HUB_MODE": "test"}):
    from hub.authorization_server.configuration import CLIENT_SECRET_HASHER
    from hub.settings import *  # noqa: F403
    from hub.settings import ALLOWED_HOSTS, DATABASES, MIDDLEWARE

    # The catalogue is read when it is first imported: with an entry of ours.
    from integrations.providers import PROVIDERS as PROVIDERS

ALLOWED_HOSTS = [*ALLOWED_HOSTS, "testserver"]
MIDDLEWARE = ["tests.static_files.StaticFiles" if "WhiteNoise" in each else each for each in MIDDLEWARE]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    CLIENT_SECRET_HASHER,
]
# A code of an authenticator app that is asked for now is still the right one when it is checked.
MFA_TOTP_PERIOD = 10**8
HUB_OUTBOUND_ALLOWED_HOSTS = HUB_WEBHOOK_ALLOWED_HOSTS = ("127.0.0.1", "localhost")
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, not memory: threads and other processes must see the same rows.
    DATABASES["default"]["TEST"] = {"NAME": str(SCRATCH / "test.sqlite3")}
