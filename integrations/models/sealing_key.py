"""What the database knows of the keys that things are sealed under; never a key."""

from django.db import models
from django.db.models.functions import Now


class SealingKey(models.Model):
    """Since when a key is known here, and a known value sealed under it, by which another key of its id is told.

    Rows stay when a key is retired: its id is not given to another key.
    """

    key_id = models.CharField(max_length=32, unique=True)
    proof = models.BinaryField(help_text="A value that everybody knows, sealed under this key.")
    known_since = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("known_since", "pk")

    def __str__(self) -> str:
        return self.key_id
