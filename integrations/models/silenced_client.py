"""Applications of the hub that are told of nothing, because an operator switched them off."""

from django.db import models
from django.db.models.functions import Now


class SilencedClient(models.Model):
    """Whoever switches an application off says so here: which it is, the hub's own server knows, and floors below not."""

    client_id = models.CharField(max_length=255, unique=True)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.client_id
