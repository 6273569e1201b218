"""Applications of the hub that are told of nothing, because an operator switched them off."""

from django.db import models
from django.db.models.functions import Now


class SilencedClient(models.Model):
    """One of them. Whoever switches it off says so here, since floors below that know nothing of such switches."""

    client_id = models.CharField(max_length=255, unique=True)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.client_id
