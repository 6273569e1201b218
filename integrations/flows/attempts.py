"""Write down how attempts to connect go, step by step, so that an operator can see where one ended.

Writing down never changes how an attempt goes: what fails here is logged, and the flow goes on. A success is written in
the transaction that stores the connection; a failure in one of its own, after the flow's was rolled back. What is
written holds no secret: parameters by name, and words of the provider without any value that was sent or came back.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, quote, quote_plus, unquote_plus, urlsplit

from django.conf import settings
from django.db import DatabaseError, transaction

from integrations import vault
from integrations.flows import strays
from integrations.flows.clients import provider_of, state_parameter
from integrations.flows.keep import Kept
from integrations.models import Attempt, AuthorizationRequest, ClientRegistration, Connection
from integrations.models.attempt import STEPS_AT_MOST
from integrations.oauth.client import Client
from integrations.oauth.errors import OAuthError, printable

logger = logging.getLogger(__name__)

SENT = "sent"
UNKNOWN_STATE = frozenset({"attempt_unknown", "state_missing", "duplicate_parameter"})
_SHOWN_PARAMETERS = ("response_type", "client_id", "redirect_uri", "scope", "code_challenge_method")
_NEVER_SHOWN = ("state", "nonce", "code_challenge")
_TOLD = frozenset({"iss", "error", "error_description", "error_uri", "scope"})
#: Shorter than that, a run of characters is found in words by chance.
HIDDEN_FROM = 6
_WORD = re.compile(r"[\w\-.~+/=%]{6,}")

type Facts = dict[str, object]


class Trail:
    """The steps of one attempt in hand. Without an `attempt`, nobody knows which one it was."""

    def __init__(self, attempt: Attempt | None, *, now: datetime, request_id: str) -> None:
        self.attempt = attempt
        self.state = ""
        self.is_taken = False
        self.has_repeated_parameter = False
        self._steps: list[Facts] = []
        self._hidden: set[str] = set()
        self._now, self._began = now, time.monotonic()
        self._request_id = request_id[:64]

    def hide(self, *values: str | None) -> None:
        """Never let these values, nor a part of them, into a step."""
        self._hidden.update(value for value in values if value and len(value) >= HIDDEN_FROM)

    def note(self, step: str, facts: Mapping[str, object], *, error: str = "") -> None:
        at = self._now + timedelta(seconds=time.monotonic() - self._began)
        self._steps.append(
            {"step": step, "at": at.isoformat(timespec="milliseconds"), "error": error, "facts": {**facts}}
        )

    @contextmanager
    def stage(self, step: str, **facts: object) -> Iterator[Facts]:
        """Note that a step was passed, or with which error it was not; the caller adds facts."""
        began, gathered = time.monotonic(), dict(facts)

        def ended(error: str = "", said: str = "") -> None:
            gathered["ms"] = round((time.monotonic() - began) * 1000)
            if said:
                gathered["said"] = said
            self.note(step, gathered, error=error)

        try:
            yield gathered
        except OAuthError as error:
            ended(error.code, self._harmless(error.description))
            raise
        except Exception as error:
            ended("crash", type(error).__name__)
            raise
        ended()

    def asked(self, client: Client, url: str) -> None:
        """Note what the browser is sent to the provider with."""
        dialect = client.server.dialect
        parts = urlsplit(url)
        shown = {dialect.parameter_names.get(name, name) for name in _SHOWN_PARAMETERS} | {dialect.user_scope_parameter}
        for known in (dialect.authorization_parameters, dialect.offline_parameters, dialect.incremental_parameters):
            shown |= known.keys()
        shown -= {dialect.parameter_names.get(name, name) for name in _NEVER_SHOWN}
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        facts: Facts = {
            "endpoint": f"{parts.scheme}://{parts.netloc}{parts.path}",
            "parameters": {name: printable(value, limit=2000) if name in shown else SENT for name, value in pairs},
            "scope_separator": dialect.scope_separator,
            "issuer": client.server.issuer,
        }
        self.note("begin", facts)

    def begun(self, request: AuthorizationRequest) -> None:
        """Save a new attempt, in the transaction that remembers its request."""
        if self.attempt is not None:
            self.attempt.state_hash, self.attempt.expires_at = request.state_hash, request.expires_at
            self._save_new(self.attempt)

    def connected(self, kept: Kept, *, asked: frozenset[str]) -> None:
        """Save a success, in the transaction that stores it."""
        granted = kept.connection.scope
        missing = sorted(asked - provider_of(kept.connection.registration).covered_by(granted))
        facts: Facts = {"asked": sorted(asked), "granted": sorted(granted), "missing": missing, "new": kept.created}
        self.note("connected", facts)
        self._append(outcome=Attempt.Outcome.CONNECTED, error_code="", connection=kept.connection, ended_at=self._now)

    def failed(self, error: BaseException) -> None:
        """Save a failure, after the flow's own transaction is over."""
        code = error.code if isinstance(error, OAuthError) else "crash"
        if self.attempt is None:
            return
        if not any(step["error"] for step in self._steps):
            self.note("prepare", {"said": self._harmless(getattr(error, "description", ""))}, error=code)
        if self.attempt._state.adding:
            self.attempt.outcome, self.attempt.error_code = Attempt.Outcome.FAILED, code
            self.attempt.ended_at = self._now
            self._save_new(self.attempt)
        elif code in UNKNOWN_STATE and not self.is_taken:
            # A second response to it, or one to an attempt that was given up: how it ended stays as it is.
            self._append()
        else:
            self._append(outcome=Attempt.Outcome.FAILED, error_code=code, ended_at=self._now)

    def _save_new(self, attempt: Attempt) -> None:
        attempt.steps = self._steps
        attempt.request_id = attempt.begun_request_id = self._request_id

        def save() -> None:
            attempt.save(force_insert=True)
            kept = Attempt.objects.filter(registration_id=attempt.registration_id)
            surplus = kept.surplus().order_by("pk").select_for_update(skip_locked=True)
            Attempt.objects.filter(pk__in=list(surplus.values_list("pk", flat=True))).delete()

        _unharmed(save)

    def _append(self, **changes: object) -> None:
        """Add the steps to the row as it is now; an end that was written before stays."""

        def append() -> None:
            known = (
                Attempt.objects.filter(state_hash=self.attempt.state_hash) if self.attempt else Attempt.objects.none()
            )
            row = known.select_for_update(of=("self",)).first()
            if row is None or len(row.steps) >= STEPS_AT_MOST:
                return
            row.steps = [*row.steps, *self._steps][:STEPS_AT_MOST]
            row.request_id = self._request_id
            for name, value in (changes if row.ended_at is None else {}).items():
                setattr(row, name, value)
            row.save()

        _unharmed(append)

    def _harmless(self, said: str) -> str:
        """A provider's words without what it was sent, or sent: whole, in part, or percent-encoded."""
        for value in sorted(self._hidden, key=len, reverse=True):
            # As a whole first: it may have signs in it that part words, and each of its words be short.
            for spelled in (value, quote(value, safe=""), quote_plus(value)):
                said = said.replace(spelled, "[redacted]")
        return printable(_WORD.sub(lambda word: "[redacted]" if self._is_hidden(word[0]) else word[0], said))

    def _is_hidden(self, word: str) -> bool:
        spelled = (word, unquote_plus(word), word.strip(".-/="))
        return any(one in value or value in one for value in self._hidden for one in spelled if len(one) >= HIDDEN_FROM)


@contextmanager
def beginning(
    user_id: int,
    registration: ClientRegistration,
    connection: Connection | None,
    *,
    now: datetime,
    request_id: str,
) -> Iterator[Trail]:
    """A trail for an attempt that begins; what keeps it from beginning is saved."""
    attempt = Attempt(
        user_id=user_id,
        registration=registration,
        connection=connection if connection is not None and connection.owner_id == user_id else None,
        started_at=now,
        expires_at=now + timedelta(seconds=settings.HUB_STATE_SECONDS),
    )
    trail = Trail(attempt, now=now, request_id=request_id)
    try:
        yield trail
    except OAuthError as error:
        trail.failed(error)
        raise


@contextmanager
def following(
    pairs: Sequence[tuple[str, str]],
    registration: ClientRegistration,
    *,
    user_id: int,
    now: datetime,
    request_id: str,
) -> Iterator[Trail]:
    """The trail of the attempt that a response claims to answer; whatever ends it is saved."""
    parameters = dict(pairs)
    state = parameters.get(state_parameter(registration), "")
    attempt = _attempt_of(state)
    trail = Trail(attempt, now=now, request_id=request_id)
    trail.state, trail.has_repeated_parameter = state, len(parameters) != len(pairs)
    trail.hide(*(value for name, value in pairs if name not in _TOLD))
    trail.note("came_back", _came_back(attempt, parameters, user_id=user_id, registration=registration, now=now))
    try:
        yield trail
    except Exception as error:
        if attempt is not None:
            trail.failed(error)
        elif isinstance(error, OAuthError) and error.code in UNKNOWN_STATE:
            code = error.code
            _unharmed(lambda: strays.count(registration, code=code, now=now, request_id=request_id))
        raise


def _attempt_of(state: str) -> Attempt | None:
    if not state:
        return None
    try:
        return Attempt.objects.filter(state_hash=vault.fingerprint(state, purpose="state")).first()
    except DatabaseError:
        logger.exception("attempt could not be found")
        return None


def _came_back(
    attempt: Attempt | None,
    parameters: Mapping[str, str],
    *,
    user_id: int,
    registration: ClientRegistration,
    now: datetime,
) -> Facts:
    facts: Facts = {"parameters": sorted(printable(name, limit=40) for name in parameters)[:20]}
    if "iss" in parameters:
        facts["iss"] = printable(parameters["iss"])
    if attempt is not None:
        facts["after_seconds"] = round((now - attempt.started_at).total_seconds())
        facts["same_person"] = attempt.user_id == user_id
        facts["same_registration"] = attempt.registration_id == registration.pk
    return facts


def _unharmed(write: Callable[[], None]) -> None:
    """Write in a transaction, or a savepoint, of its own, so that a failure is only this one's."""
    try:
        with transaction.atomic():
            write()
    except (DatabaseError, TypeError, ValueError):
        logger.exception("attempt could not be written down")
