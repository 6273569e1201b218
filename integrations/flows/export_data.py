"""That a person took their data along is part of what they can look up later."""

from integrations.flows.events import record
from integrations.models import Event


def record_export(owner_id: int, *, actor: str, ip: str) -> None:
    """Write down who was given a person's data."""
    record(Event.Kind.DATA_EXPORTED, owner_id=owner_id, actor=actor, ip=ip)
