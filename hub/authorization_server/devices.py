"""Devices that ask for access: what they get, what a person enters and decides, when they have waited (RFC 8628).

A device is known by two codes. The device code is its own secret; the user code is typed by a person and short, so how
often it can be guessed is limited, per person, per address and in total.
"""

import hashlib
import secrets
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.crypto import salted_hmac
from oauth2_provider.models import Application

from hub.authorization_server import limits
from hub.authorization_server.limits import EVERYBODY, Limit
from hub.authorization_server.models import DeviceAuthorization

#: RFC 8628 §6.1: no vowels, so no words; nothing that is mistaken for a digit. Eight of them carry 34 bits.
ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
USER_CODE_LENGTH = 8
GROUP = 4

LIFETIME = timedelta(seconds=600)
INTERVAL_SECONDS = 5
SLOWER_SECONDS = 5
SLOWEST_SECONDS = 60
#: A poll that left on time may arrive a little closer to the one before it.
TOLERANCE = timedelta(seconds=1)

GUESSES_BY_PERSON = Limit(name="user_code.person", count=10, seconds=600)
GUESSES_BY_ADDRESS = Limit(name="user_code.address", count=50, seconds=600)
GUESSES_BY_EVERYBODY = Limit(name="user_code.everybody", count=1000, seconds=600)
DEVICES_OF_ADDRESS = Limit(name="device.address", count=30, seconds=600)
DEVICES_OF_CLIENT = Limit(name="device.client", count=300, seconds=600)
DEVICES_OF_EVERYBODY = Limit(name="device.everybody", count=3000, seconds=600)


class UnknownCode(Exception):
    """No device waits with this code, or another person has entered it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Begun:
    """The codes of a device; they are stored nowhere."""

    device_code: str = field(repr=False)
    user_code: str = field(repr=False)


def begin(
    application: Application, *, scope: Collection[str], resource: list[str], address: str, now: datetime
) -> Begun:
    """Have a device wait, for LIFETIME.

    Raises:
        TooOften: this client, this address or everybody together begins too many.
    """
    limits.spend(DEVICES_OF_ADDRESS, limits.network(address), now=now)
    limits.spend(DEVICES_OF_CLIENT, str(application.pk), now=now)
    limits.spend(DEVICES_OF_EVERYBODY, EVERYBODY, now=now)
    try:
        return _begin(application, scope=scope, resource=resource, now=now)
    except IntegrityError:
        # One code in 25 billion; twice in a row would be something else.
        return _begin(application, scope=scope, resource=resource, now=now)


@transaction.atomic
def _begin(application: Application, *, scope: Collection[str], resource: list[str], now: datetime) -> Begun:
    user_code = "".join(secrets.choice(ALPHABET) for _ in range(USER_CODE_LENGTH))
    device_code = secrets.token_urlsafe(32)
    DeviceAuthorization.objects.create(
        application=application,
        device_code_hash=hashed_device_code(device_code),
        user_code_hash=_hashed_user_code(user_code),
        scope=" ".join(scope),
        resource=resource,
        interval_seconds=INTERVAL_SECONDS,
        expires_at=now + LIFETIME,
    )
    return Begun(device_code=device_code, user_code=shown(user_code))


def normalised(typed: str) -> str:
    """A user code as it was made, from however it was typed; empty if it cannot be one (RFC 8628 §6.1)."""
    letters = "".join(letter for letter in unicodedata.normalize("NFKC", typed[:100]).upper() if letter.isalnum())
    return letters if len(letters) == USER_CODE_LENGTH and set(letters) <= set(ALPHABET) else ""


def shown(user_code: str) -> str:
    """XXXX-XXXX."""
    return f"{user_code[:GROUP]}-{user_code[GROUP:]}"


def enter(typed: str, *, person_id: int, address: str, now: datetime) -> DeviceAuthorization:
    """The device that waits with this code; from now on, only this person sees it and decides.

    Every code counts as a guess before it is looked up, and one that was right is not counted afterwards; the guesses
    before it stay counted.

    Raises:
        UnknownCode: there is none.
        TooOften: too many wrong codes, by this person, from this address or by everybody together.
    """
    guesses = (
        (GUESSES_BY_PERSON, str(person_id)),
        (GUESSES_BY_ADDRESS, limits.network(address)),
        (GUESSES_BY_EVERYBODY, EVERYBODY),
    )
    for limit, subject in guesses:
        limits.spend(limit, subject, now=now)
    rows = DeviceAuthorization.objects.filter(
        Q(person__isnull=True) | Q(person_id=person_id),
        user_code_hash=_hashed_user_code(normalised(typed)),
        status=DeviceAuthorization.Status.PENDING,
        expires_at__gt=now,
    )
    device = rows.first()
    if device is None or not rows.filter(pk=device.pk).update(person_id=person_id):
        raise UnknownCode
    for limit, subject in guesses:
        limits.give_back(limit, subject, now=now)
    return device


def waiting(pk: int, *, person_id: int, now: datetime) -> DeviceAuthorization | None:
    """A device whose code this person entered, and about which they have not decided."""
    rows = DeviceAuthorization.objects.select_related("application")
    return rows.filter(
        pk=pk, person_id=person_id, status=DeviceAuthorization.Status.PENDING, expires_at__gt=now
    ).first()


def decided(pk: int, *, person_id: int, now: datetime) -> bool | None:
    """How this person decided about a device that has not fetched its tokens yet; None where there is none."""
    rows = DeviceAuthorization.objects.filter(pk=pk, person_id=person_id, expires_at__gt=now)
    status = rows.exclude(status=DeviceAuthorization.Status.PENDING).values_list("status", flat=True).first()
    return None if status is None else status == DeviceAuthorization.Status.APPROVED


def decide(device: DeviceAuthorization, *, person_id: int, allow: bool, now: datetime) -> bool:
    """Let the device have what it asked for, or not; false if it no longer waits for this person."""
    status = DeviceAuthorization.Status.APPROVED if allow else DeviceAuthorization.Status.DENIED
    rows = DeviceAuthorization.objects.filter(
        pk=device.pk, person_id=person_id, status=DeviceAuthorization.Status.PENDING, expires_at__gt=now
    )
    return bool(rows.update(status=status))


@dataclass(frozen=True, kw_only=True, slots=True)
class Poll:
    """What a poll of a device that still waits comes to."""

    is_too_early: bool
    interval_seconds: int


def judge_poll(polled_at: datetime | None, interval_seconds: int, *, now: datetime) -> Poll:
    """Whether a poll comes too early, and the interval from then on (RFC 8628 §3.5).

    A client that is told to slow down waits five seconds longer each time, and so do we: who does as told is never
    told again. Who never does is asked for a minute at most.
    """
    if polled_at is None or now - polled_at >= timedelta(seconds=interval_seconds) - TOLERANCE:
        return Poll(is_too_early=False, interval_seconds=interval_seconds)
    slower = min(interval_seconds + SLOWER_SECONDS, SLOWEST_SECONDS)
    return Poll(is_too_early=True, interval_seconds=slower)


@transaction.atomic
def poll(device: DeviceAuthorization, *, now: datetime) -> bool:
    """Note a poll of a device that waits; whether it came in time."""
    locked = DeviceAuthorization.objects.select_for_update().filter(pk=device.pk).first()
    if locked is None:
        return True
    judged = judge_poll(locked.polled_at, locked.interval_seconds, now=now)
    DeviceAuthorization.objects.filter(pk=device.pk).update(polled_at=now, interval_seconds=judged.interval_seconds)
    return not judged.is_too_early


def hashed_device_code(device_code: str) -> str:
    """What stands in a row; 256 bits of chance need no salt and no rounds."""
    return hashlib.sha256(device_code.encode()).hexdigest()


def _hashed_user_code(user_code: str) -> str:
    return salted_hmac("hub.authorization_server.user_code", user_code, algorithm="sha256").hexdigest()
