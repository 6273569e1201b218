"""Count authorization responses that answer no attempt that is known, however many come."""

from datetime import datetime

from django.db.models import F

from integrations.models import ClientRegistration, StrayResponse
from integrations.models.attempt import CODES_KEPT


def count(registration: ClientRegistration, *, code: str, now: datetime, request_id: str) -> None:
    """Add one; of the last few the support code is kept, so that an operator finds who asks for help."""
    row, _ = StrayResponse.objects.get_or_create(registration=registration, defaults={"last_at": now})
    newest = {"at": now.isoformat(timespec="seconds"), "error": code, "request_id": request_id[:64]}
    StrayResponse.objects.filter(pk=row.pk).update(
        count=F("count") + 1, last_at=now, recent=[newest, *row.recent][:CODES_KEPT]
    )
