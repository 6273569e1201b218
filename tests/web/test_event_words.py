"""Each event has a sentence."""

import pytest

from integrations.models import Event
from integrations.web.activity import KINDS
from integrations.web.event_words import sentence
from tests.factories import make_event


def test_each_kind_has_a_sentence_and_one_group(db: None) -> None:
    event = make_event()
    ours = {"registered", "registration_changed", "registration_broken", "admin_action"}
    for kind in Event.Kind:
        event.kind = kind
        text = sentence(event)
        assert text.endswith("."), kind
        assert kind in ours or text != f"{kind.label}.", kind
    grouped = [kind for kinds in KINDS.values() for kind in kinds]
    assert len(grouped) == len(set(grouped))


@pytest.mark.parametrize(
    ("kind", "details", "words"),
    [
        ("scope_changed", {"gained": ["notes:read"], "lost": []}, "Sandbox allows 1 permission more: Read your notes."),
        ("scope_changed", {"lost": ["a", "b"]}, "Sandbox allows 2 permissions less: a, b."),
        ("scope_changed", {"lost": "a"}, "What Sandbox allows has changed."),
        ("scope_unexpected", {"scope": ["x\u202e"] * 9}, "granted more than was asked for: x, x, x, x, x, …."),
        ("revocation_failed", {"code": "unsupported_token_type"}, "does not let the hub end the access."),
        ("revocation_failed", {"code": "server_error"}, "could not be told"),
        ("refresh_failed", {"code": "rate_limited"}, "Why: Sandbox is busy."),
        ("refresh_failed", {"code": "unheard_of"}, "Renewing the access to Sandbox failed."),
        ("webhook_changed", {"what": "secret_replaced"}, "A webhook got a new secret."),
        ("webhook_changed", {"what": ["?"]}, "A webhook was changed."),
    ],
)
def test_details_are_told_in_words(db: None, kind: str, details: dict[str, object], words: str) -> None:
    event = make_event(kind=Event.Kind(kind), details=details)

    assert words in sentence(event)


def test_an_event_of_a_service_that_is_gone_still_has_a_sentence(db: None) -> None:
    event = make_event()
    event.registration = None

    assert sentence(event) == "A service was connected."
