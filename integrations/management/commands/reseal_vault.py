"""Seal everything stored anew under the first of HUB_SEALING_KEYS. Safe while everything runs, and to begin again."""

from typing import Any

from django.core.management import BaseCommand, CommandError
from django.utils import timezone

from integrations.flows.reseal import reseal
from integrations.management.database import needed_database


class Command(BaseCommand):
    help = (
        "Seal everything stored anew under the first key of HUB_SEALING_KEYS. When a second run has nothing left to "
        "do, the other keys can go."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        with needed_database():
            resealed = reseal(now=timezone.now())
        self.stdout.write(f"{resealed.done} sealed anew.")
        if resealed.unopened:
            raise CommandError(
                f"{resealed.unopened} cannot be opened: keep the old keys, and see the log for which.", returncode=1
            )
