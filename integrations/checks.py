"""Wrong settings are told by ``manage.py check``, not by the first request.

hub.E001  the sealing keys are missing or malformed
hub.E002  SITE_URL is not https
hub.E003  SESSION_COOKIE_SAMESITE is not Lax
hub.E004  the lease does not outlive the HTTP deadline
hub.E005  the recovery journal cannot be written, or others can read it
hub.E006  a registration names a provider that the catalogue does not have (``check --database default``)
hub.E007  a sealing key is not the one that the database knows under its id (``check --database default``)
hub.E008  something lies under a key that is not in the ring (``check --database default``)
hub.E009  the key service does not unwrap a sealing key (``check --database default``)
hub.W001  HUB_HOLD_REFRESHES is on: nothing is refreshed, revoked or mailed
"""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import connections

from integrations import vault
from integrations.crypto import SealError, read_keys
from integrations.models import ClientRegistration, SealingKey
from integrations.providers import PROVIDERS

LEASE_MARGIN_SECONDS = 10
#: Checks of what the database says of the keys, which a server runs, too, before it serves.
KEYS_IN_USE = "keys_in_use"


@register(Tags.security)
def check_sealing_keys(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """hub.E001: without keys no token can be stored or read."""
    try:
        keys = read_keys(settings.HUB_SEALING_KEYS)
        for key in keys:
            if key.service and key.service not in vault.SERVICES:
                hint = "Keys that AWS KMS wrapped are id:aws-kms:base64, and HUB_KMS_KEY_ID names what wrapped them."
                message = f"Key {key.key_id!r} names the key service {key.service!r}, which is not set up."
                return [Error(f"HUB_SEALING_KEYS: {message}", hint=hint, id="hub.E001")]
    except SealError as error:
        hint = "HUB_SEALING_KEYS is id:base64,id:base64 with 32 bytes a key; the first seals, all open."
        return [Error(f"HUB_SEALING_KEYS: {error}.", hint=hint, id="hub.E001")]
    return []


@register(Tags.security)
def check_site_url(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """hub.E002: codes and session cookies travel to SITE_URL."""
    if settings.HUB_MODE == "production" and not settings.SITE_URL.startswith("https://"):
        return [Error("SITE_URL is not https.", hint="Redirect URIs are made from it.", id="hub.E002")]
    return []


@register(Tags.security)
def check_session_cookie(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """hub.E003: Strict loses the session on the way back from a provider, None gives it to every site."""
    if settings.SESSION_COOKIE_SAMESITE != "Lax":
        return [Error("SESSION_COOKIE_SAMESITE must be 'Lax'.", id="hub.E003")]
    return []


@register()
def check_lease(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """hub.E004: a lease that ends during the call would let two workers refresh one token."""
    shortest = settings.HUB_HTTP_DEADLINE_SECONDS + LEASE_MARGIN_SECONDS
    if settings.HUB_LEASE_SECONDS < shortest:
        message = f"HUB_LEASE_SECONDS is {settings.HUB_LEASE_SECONDS}; with this deadline it must be {shortest}."
        hint = f"It must exceed HUB_HTTP_DEADLINE_SECONDS by {LEASE_MARGIN_SECONDS} seconds."
        return [Error(message, hint=hint, id="hub.E004")]
    return []


@register()
def check_recovery_journal(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """hub.E005: where a rotated token goes when the database fails."""
    journal = Path(settings.HUB_RECOVERY_JOURNAL)
    existing = journal
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        message = f"HUB_RECOVERY_JOURNAL {journal} cannot be written."
        return [Error(message, hint=f"Make {existing} a folder that this user may write.", id="hub.E005")]
    if existing == journal and stat.S_IMODE(journal.stat().st_mode) & 0o077:
        message = f"HUB_RECOVERY_JOURNAL {journal} is open to other users."
        return [Error(message, hint=f"chmod 700 {journal}", id="hub.E005")]
    return []


@register()
def check_hold(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """hub.W001: right for a copy, and a standstill for the hub that people use."""
    if settings.HUB_HOLD_REFRESHES:
        hint = "Right for a copy that was restored elsewhere. On the hub itself, take it out."
        return [
            CheckWarning("HUB_HOLD_REFRESHES is on: nothing is refreshed, revoked or mailed.", hint=hint, id="hub.W001")
        ]
    return []


@register(Tags.database)
def check_registrations(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: object
) -> list[CheckMessage]:
    """hub.E006: a registration whose provider was removed from the catalogue cannot be used."""
    table = ClientRegistration._meta.db_table
    found: list[CheckMessage] = []
    for alias in databases or ():
        if table not in connections[alias].introspection.table_names():
            continue
        unknown = ClientRegistration.objects.using(alias).exclude(provider__in=PROVIDERS.keys())
        for slug, provider in unknown.values_list("slug", "provider"):
            message = f"Registration {slug!r} names the provider {provider!r}, which is not in the catalogue."
            found.append(Error(message, hint="Restore its file, or delete the registration.", id="hub.E006"))
    return found


@register(Tags.database, KEYS_IN_USE)
def check_keys_in_use(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: object
) -> list[CheckMessage]:
    """hub.E007, hub.E008, hub.E009: with a wrong key nothing opens, and what it seals nobody else can open."""
    if "default" not in (databases or ()) or check_sealing_keys(None):
        return []
    try:
        ring = vault.keyring()
    except SealError as error:
        hint = "See HUB_KMS_KEY_ID, the credentials of this process, and docs/keys.md."
        return [Error(f"{error}.", hint=hint, id="hub.E009")]
    tables = connections["default"].introspection.table_names()
    if not {SealingKey._meta.db_table, *(shelf.model._meta.db_table for shelf in vault.SHELVES)} <= {*tables}:
        return []
    found: list[CheckMessage] = [
        Error(
            f"Sealing key {key_id!r} is not the key that this database knows under that id.",
            hint="HUB_SEALING_KEYS belongs to another database, or was typed anew. Put back the key that was there.",
            id="hub.E007",
        )
        for key_id in vault.wrong_keys(ring)
    ]
    for key_id in sorted({key_id for shelf in vault.SHELVES for key_id in shelf.keys_in_use()} - {*ring.key_ids}):
        message = f"Something lies under sealing key {key_id!r}, which is not in HUB_SEALING_KEYS."
        hint = (
            f"Put it back until 'rotate_keys retire {key_id}' lets it go; if it is lost: 'rotate_keys lost {key_id}'."
        )
        found.append(Error(message, hint=hint, id="hub.E008"))
    return found
