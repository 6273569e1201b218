"""What the sandbox keeps for its people."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Note(models.Model):
    """A note; its owner's applications read and write it as far as their scope goes."""

    LENGTH = 500

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    text = models.CharField(max_length=LENGTH)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.text
