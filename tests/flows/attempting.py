"""What was written down of attempts, and why they are said to have failed."""

from datetime import datetime
from typing import Any

import pytest

from integrations.flows.attempt_cause import Cause, Story, cause
from integrations.flows.clients import redirect_uri
from integrations.models import Attempt
from integrations.oauth.errors import OAuthError
from tests.flows.journey import Journey, Pairs


def last() -> Attempt:
    return Attempt.objects.select_related("registration").latest("pk")


def steps(attempt: Attempt) -> list[str]:
    """The steps, those that failed with their error."""
    return [step["step"] + (f": {step['error']}" if step["error"] else "") for step in attempt.steps]


def facts(attempt: Attempt, name: str) -> dict[str, Any]:
    (found,) = [step["facts"] for step in attempt.steps if step["step"] == name]
    return dict(found)


def why(attempt: Attempt, *, now: datetime) -> Cause:
    story = Story(
        outcome=attempt.outcome,
        steps=attempt.steps,
        expires_at=attempt.expires_at,
        redirect_uri=redirect_uri(attempt.registration),
    )
    return cause(story, now=now)


def fails(journey: Journey, pairs: Pairs) -> str:
    """The code with which the response is refused, which is that of the attempt."""
    with pytest.raises(OAuthError) as refusal:
        journey.complete(pairs)
    return refusal.value.code
