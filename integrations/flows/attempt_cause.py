"""Why an attempt to connect most likely failed, and what to do, from what was written down of it.

A cause is a guess where a provider says little. The table of cases is `attempt_cases`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from integrations.flows.attempt_cases import CASES, CAUSES

type Step = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """What is known of an attempt: `Attempt` has these columns."""

    outcome: str
    steps: Sequence[Step]
    expires_at: datetime
    redirect_uri: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """A code that docs/troubleshooting.md explains, a sentence, and what to do; no remedy: nothing is to be done."""

    code: str
    sentence: str
    remedy: str = ""


def cause(story: Story, *, now: datetime) -> Cause:
    """The likely cause."""
    if story.outcome == "connected":
        return _went_well(story)
    wrong = [step for step in story.steps if step.get("error")]
    # Loading the page again does not hide why it failed at first.
    failed = next((step for step in wrong if step["error"] != "attempt_unknown"), wrong[0] if wrong else None)
    if failed is None:
        return _cause("under_way" if now < story.expires_at else "never_came_back", story)
    code = _code(failed)
    if code == "scope_refused" and re.search(r"[,;]", _scope(story)) and _separator(story) == " ":
        code = "scope_delimiter"
    return _cause(code, story, failed)


def _went_well(story: Story) -> Cause:
    ended = next((step for step in story.steps if step["step"] == "connected"), {})
    if any(step.get("error") for step in story.steps):
        return _cause("came_back_twice", story)
    return _cause("granted_less" if _facts(ended).get("missing") else "none", story, ended)


def _code(failed: Step) -> str:
    said = str(_facts(failed).get("said", ""))
    for case in CASES:
        is_step = not case.step or failed["step"] in case.step.split()
        is_error = not case.errors or failed["error"] in case.errors.split()
        if is_step and is_error and (not case.said or re.search(case.said, said, re.IGNORECASE)):
            return case.cause
    return "unexplained"


def _cause(code: str, story: Story, step: Step | None = None) -> Cause:
    facts = _facts(step or {})
    words = {
        "redirect_uri": story.redirect_uri,
        "error": str((step or {}).get("error", "")),
        "said": str(facts.get("said", "")),
        "missing": " ".join(facts.get("missing", ())),
        "authentication": str(facts.get("authentication", "none known")),
        "scope": _scope(story) or "none",
    }
    sentence, remedy = CAUSES[code]
    return Cause(code=code, sentence=sentence.format_map(words), remedy=remedy.format_map(words))


def _scope(story: Story) -> str:
    parameters = _facts(_begin(story)).get("parameters", {})
    return str(parameters.get("scope") or parameters.get("user_scope") or "")


def _separator(story: Story) -> str:
    return str(_facts(_begin(story)).get("scope_separator", " "))


def _begin(story: Story) -> Step:
    return next((step for step in story.steps if step["step"] == "begin"), {})


def _facts(step: Step) -> Mapping[str, Any]:
    facts: Mapping[str, Any] = step.get("facts", {})
    return facts
