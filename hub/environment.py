"""What the settings read from outside: the mode, required variables, the site's address, the demo's secrets.

Production is what runs when nothing is said. It refuses to start on a missing or weak variable, with a
sentence that says what to set and how to make one. The demo is the other way round: it makes and keeps its own
secrets and refuses to start on a variable that belongs to a production environment.
"""

import base64
import ipaddress
import os
import secrets
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.http.request import validate_host
from environ import Env
from environ.fileaware_mapping import FileAwareMapping


class _Variables(FileAwareMapping):  # type: ignore[misc]
    """The variables, or the files that `<name>_FILE` names; a file ends as text files do, with a line break."""

    def __getitem__(self, key: str) -> str:
        try:
            value: str = super().__getitem__(key)
        except OSError as error:
            raise ImproperlyConfigured(f"{key}_FILE cannot be read: {error.strerror}") from None
        return value.rstrip("\r\n")


class Environment(Env):  # type: ignore[misc]
    """Reads variables, and says in one sentence what is wrong with one."""

    ENVIRON = _Variables(cache=False)

    def number(self, name: str, *, default: int, at_least: int, at_most: int) -> int:
        """A whole number.

        Raises:
            ImproperlyConfigured: it is none, or out of bounds.
        """
        text: str = self.str(name, default=str(default)).strip()
        if not text.isascii() or not text.isdecimal() or not at_least <= int(text) <= at_most:
            raise ImproperlyConfigured(f"{name} must be a whole number from {at_least} to {at_most}.")
        return int(text)

    def cache_url(self, *args: Any, **options: Any) -> dict[str, Any]:
        """A cache; one that does not answer keeps nobody waiting."""
        found: dict[str, Any] = super().cache_url(*args, **options)
        if "redis" in found["BACKEND"]:
            found["OPTIONS"] = {"socket_connect_timeout": 1, "socket_timeout": 1, **found.get("OPTIONS", {})}
        return found


class Mode(StrEnum):
    """How much the settings may relax: nothing (production), or enough for one machine (demo, test)."""

    PRODUCTION = "production"
    DEMO = "demo"
    TEST = "test"


HOW_TO_MAKE = {
    "SECRET_KEY": "python3 -c 'import secrets; print(secrets.token_urlsafe(64))'",
    "HUB_SEALING_KEYS": ("python3 -c 'import base64, os; print(\"k1:\" + base64.b64encode(os.urandom(32)).decode())'"),
    "ALLOWED_HOSTS": "ALLOWED_HOSTS=hub.example.com (comma-separated, no '*')",
    "SITE_URL": "SITE_URL=https://hub.example.com (the address people type; redirect URIs are made from it)",
    "DATABASE_URL": "DATABASE_URL=postgres://user:password@host:5432/hub, or sqlite:////var/lib/hub/hub.sqlite3",
}
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
NOT_IN_DEMO = ("DATABASE_URL", "SECRET_KEY", "HUB_SEALING_KEYS", "ALLOWED_HOSTS")
SECRET_KEY_LENGTH = 50
SQLITE_LOCK_TIMEOUT_SECONDS = 20
POOL_TIMEOUT_SECONDS = 10


def read_mode(env: Environment) -> Mode:
    """The mode that HUB_MODE names; production when it is not set."""
    value = env.str("HUB_MODE", default=Mode.PRODUCTION)
    try:
        return Mode(value)
    except ValueError:
        raise ImproperlyConfigured(
            f"HUB_MODE is {value!r}. Set it to one of {', '.join(Mode)}, or leave it out for production."
        ) from None


def required(env: Environment, name: str) -> str:
    """The variable's value, which must not be empty."""
    value: str = env.str(name, default="").strip()
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. Make one so: {HOW_TO_MAKE[name]}")
    return value


def secret_key(env: Environment) -> str:
    """SECRET_KEY, which must be long enough to have been generated."""
    value = required(env, "SECRET_KEY")
    if len(value) < SECRET_KEY_LENGTH or value.startswith("django-insecure-"):
        raise ImproperlyConfigured(
            f"SECRET_KEY is too weak: it needs {SECRET_KEY_LENGTH} random characters. "
            f"Make one so: {HOW_TO_MAKE['SECRET_KEY']}"
        )
    return value


def allowed_hosts(env: Environment) -> list[str]:
    """ALLOWED_HOSTS, in which a wildcard for every host is refused."""
    hosts = [host.strip() for host in required(env, "ALLOWED_HOSTS").split(",") if host.strip()]
    if "*" in hosts or not hosts:
        raise ImproperlyConfigured(f"ALLOWED_HOSTS must name the hosts. Set it so: {HOW_TO_MAKE['ALLOWED_HOSTS']}")
    if any(character in host for host in hosts for character in "/ @"):
        raise ImproperlyConfigured(f"ALLOWED_HOSTS are names, not addresses: {HOW_TO_MAKE['ALLOWED_HOSTS']}")
    return hosts


def refuse_foreign_site(site: str, hosts: list[str]) -> None:
    """Stop where the site's own host would not be answered.

    Raises:
        ImproperlyConfigured: ALLOWED_HOSTS does not cover SITE_URL.
    """
    host = urlsplit(site).hostname or ""
    if not validate_host(f"[{host}]" if ":" in host else host, hosts):
        raise ImproperlyConfigured(f"ALLOWED_HOSTS must name the host of SITE_URL too: {host}")


def database(env: Environment, name: str) -> dict[str, Any]:
    """The database that a variable names.

    Raises:
        ImproperlyConfigured: missing, or not the address of an SQLite or PostgreSQL database.
    """
    value = required(env, name)
    if urlsplit(value).scheme not in ("sqlite", "postgres", "postgresql", "psql", "pgsql"):
        raise ImproperlyConfigured(f"{name} must be SQLite or PostgreSQL: {HOW_TO_MAKE['DATABASE_URL']}")
    try:
        found: dict[str, Any] = env.db_url_config(value)
    except (KeyError, ValueError):
        raise ImproperlyConfigured(f"{name} cannot be read. Set it so: {HOW_TO_MAKE['DATABASE_URL']}") from None
    return found


def log_level(env: Environment) -> str:
    """LOG_LEVEL, in capitals.

    Raises:
        ImproperlyConfigured: there is no such level.
    """
    value: str = env.str("LOG_LEVEL", default="INFO").strip().upper()
    if value not in LOG_LEVELS:
        raise ImproperlyConfigured(f"LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}.")
    return value


def site_url(value: str, *, mode: Mode) -> str:
    """The site's origin: https in production, a loopback address in the demo.

    Raises:
        ImproperlyConfigured: not an origin, or one the mode does not allow.
    """
    try:
        url = urlsplit(value)
        host = url.hostname or ""
        port = url.port
    except ValueError:
        url, host, port = urlsplit(""), "", None
    bare = host if port is None else f"{host}:{port}"
    if not host or url.netloc not in (bare, f"[{host}]", f"[{host}]:{port}") or url.path.strip("/"):
        raise ImproperlyConfigured(f"SITE_URL must be an origin. Set it so: {HOW_TO_MAKE['SITE_URL']}")
    if url.query or url.fragment or url.scheme not in ("http", "https"):
        raise ImproperlyConfigured(f"SITE_URL must be an origin. Set it so: {HOW_TO_MAKE['SITE_URL']}")
    if mode is Mode.PRODUCTION and url.scheme != "https":
        raise ImproperlyConfigured(f"SITE_URL must be https. Set it so: {HOW_TO_MAKE['SITE_URL']}")
    if mode is not Mode.PRODUCTION and not is_loopback(host):
        raise ImproperlyConfigured(
            f"HUB_MODE={mode} is for this machine alone: SITE_URL must be a loopback address such as "
            "http://127.0.0.1:8000. For any other address leave HUB_MODE out."
        )
    return f"{url.scheme}://{url.netloc}"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, without asking any name server."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_production_variables(env: Environment) -> None:
    """Stop the demo where a production environment is set up.

    Raises:
        ImproperlyConfigured: a variable is set that the demo makes for itself.
    """
    found = [name for name in NOT_IN_DEMO if env.str(name, default="")]
    if found:
        raise ImproperlyConfigured(
            f"HUB_MODE=demo makes its own keys and database, but {', '.join(found)} is set: this looks "
            "like a production environment. Unset it, or leave HUB_MODE out."
        )


def kept_secret(directory: Path, name: str, make: Callable[[], str]) -> str:
    """The secret kept in a file that only we can read; made on first use, never overwritten."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / name
    draft = directory / f"{name}.{secrets.token_hex(8)}"
    if not path.exists():
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(make())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


def new_secret_key() -> str:
    """A SECRET_KEY."""
    return secrets.token_urlsafe(64)


def new_sealing_key() -> str:
    """One sealing key, as HUB_SEALING_KEYS wants it."""
    return "demo:" + base64.b64encode(secrets.token_bytes(32)).decode()


def tune_database(database: dict[str, Any], *, pool_size: int, keeps_statements: bool) -> None:
    """Give a database its options: one writer at a time for SQLite, a connection pool for PostgreSQL.

    `keeps_statements`: what one request prepared is there for the next one on its connection.
    """
    options = database.setdefault("OPTIONS", {})
    if database["ENGINE"] == "django.db.backends.sqlite3":
        # IMMEDIATE takes the write lock when a transaction starts, so that a waiting writer waits, not fails.
        options["transaction_mode"] = "IMMEDIATE"
        options["timeout"] = SQLITE_LOCK_TIMEOUT_SECONDS
        # A refresh writes its row's page several times in a moment: only its last state is copied out of the log, which
        # may grow to 32 MB for that. Without it, leasing a batch takes three times as long in a table of a million.
        options["init_command"] = (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
            "PRAGMA wal_autocheckpoint=8000; PRAGMA cache_size=-16384;"
        )
        database["CONN_MAX_AGE"] = 60
    elif database["ENGINE"] == "django.db.backends.postgresql":
        options["pool"] = {"min_size": 1, "max_size": pool_size, "timeout": POOL_TIMEOUT_SECONDS}
        # Only prepared reads are prepared (integrations/models/prepared.py); Django's own cursors never are.
        options["prepare_threshold"] = 2 if keeps_statements else None
        database["CONN_MAX_AGE"] = 0
    else:
        raise ImproperlyConfigured(f"DATABASE_URL must be SQLite or PostgreSQL: {HOW_TO_MAKE['DATABASE_URL']}")


def mailer(url: str) -> dict[str, Any]:
    """The mailer that an address describes; without one, mail goes nowhere."""
    if not url:
        return {"BACKEND": "django.core.mail.backends.dummy.EmailBackend"}
    parts = urlsplit(url)
    try:
        port = parts.port or 25
    except ValueError:
        port = 0
    if parts.scheme not in ("smtp", "smtp+tls", "smtp+ssl") or not parts.hostname or not port:
        raise ImproperlyConfigured("EMAIL_URL must be smtp+tls://user:password@host:587 (or smtp+ssl://, smtp://)")
    return {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": parts.hostname,
            "port": port,
            "username": unquote(parts.username or ""),
            "password": unquote(parts.password or ""),
            "use_tls": parts.scheme == "smtp+tls",
            "use_ssl": parts.scheme == "smtp+ssl",
            "timeout": 10,
        },
    }
