"""Seal everything stored anew under the first of HUB_SEALING_KEYS. Safe while everything runs, and to begin again."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.utils import timezone

from integrations.flows.reseal import reseal
from integrations.management.operator_command import OperatorCommand, Outcome


class Command(OperatorCommand):
    help = (
        "Seal everything stored anew under the first key of HUB_SEALING_KEYS. When a second run has nothing left to "
        "do, the other keys can go."
    )
    example = "manage.py reseal_vault"
    exit_codes = {0: "all is sealed under the first key", 1: "something cannot be opened: keep the old keys"}

    def carry_out(self, options: Mapping[str, Any]) -> Outcome:
        resealed = reseal(now=timezone.now())
        problem = f"{resealed.unopened} cannot be opened: keep the old keys, and see the log for which."
        return Outcome(
            report=asdict(resealed),
            lines=[f"{resealed.done} sealed anew."],
            problem=problem if resealed.unopened else "",
        )
