"""Attempts that have not come back yet: remembered when the person leaves, taken once when they return."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.crypto import constant_time_compare

from integrations import vault
from integrations.flows.attempts import Trail
from integrations.flows.errors import ConnectRefused
from integrations.models import AuthorizationRequest, ClientRegistration
from integrations.oauth.errors import ResponseRefused
from integrations.oauth.pkce import new_code_verifier
from integrations.vault import Pending, SealError

logger = logging.getLogger(__name__)


def new(scope: frozenset[str]) -> Pending:
    """The verifier of an attempt, and its nonce where an id_token will come."""
    return Pending(code_verifier=new_code_verifier(), nonce=vault.new_state() if "openid" in scope else None)


def remember(
    request: AuthorizationRequest, trail: Trail, *, state: str, browser: str, secrets: Pending, now: datetime
) -> None:
    """Keep an attempt until its person comes back with this `state` in this `browser`, or does not in time.

    Of one browser session the oldest beyond the limit goes, and so does what has expired.
    """
    request.state_hash = vault.fingerprint(state, purpose="state")
    request.browser_hash = vault.fingerprint(browser, purpose="browser")
    request.expires_at = now + timedelta(seconds=settings.HUB_STATE_SECONDS)
    vault.seal_pending(request, secrets)
    same_browser = AuthorizationRequest.objects.filter(user_id=request.user_id, browser_hash=request.browser_hash)
    with transaction.atomic():
        AuthorizationRequest.objects.prune(now=now)
        newest = list(same_browser.order_by("-pk").values_list("pk", flat=True)[: settings.HUB_PENDING_LIMIT - 1])
        same_browser.exclude(pk__in=newest).delete()
        request.save()
        trail.begun(request)


def take(
    trail: Trail, *, user_id: int, browser: str, registration: ClientRegistration, now: datetime
) -> AuthorizationRequest:
    """Take the attempt that a response claims to answer, and use it up, whoever presents it.

    Raises:
        ResponseRefused: no state, or a parameter twice.
        ConnectRefused: unknown, used, expired, or somebody else's.
    """
    with trail.stage("state"):
        if not trail.state:
            raise ResponseRefused("The response has no state.", code="state_missing")
        if trail.has_repeated_parameter:
            raise ResponseRefused("A parameter is repeated.", code="duplicate_parameter")
        request = AuthorizationRequest.objects.take(state_hash=vault.fingerprint(trail.state, purpose="state"))
        if request is None:
            raise ConnectRefused("This attempt is not known: it was used already, given up, or never begun here.")
        trail.is_taken = True
        if request.user_id != user_id:
            raise ConnectRefused("Another person began this attempt.", code="other_user")
        if not constant_time_compare(request.browser_hash, vault.fingerprint(browser, purpose="browser")):
            raise ConnectRefused("This attempt began in another browser session.", code="other_browser")
        if request.registration_id != registration.pk:
            raise ConnectRefused("This attempt was for another provider.", code="other_registration")
        if request.expires_at <= now:
            raise ConnectRefused("This attempt took too long.", code="attempt_expired")
        return request


def opened(request: AuthorizationRequest) -> Pending:
    """What only this attempt knows.

    Raises:
        ConnectRefused: it cannot be read.
    """
    try:
        return vault.open_pending(request)
    except SealError as error:
        logger.warning("attempt cannot be opened", extra={"code": error.code})
        raise ConnectRefused("What was kept of this attempt cannot be read. Start again.") from None
