"""Send the messages that wait for applications. For cron; two at once do no harm."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.utils import timezone

from integrations.flows.webhook_send import send_webhooks
from integrations.management.operator_command import OperatorCommand, Outcome
from integrations.management.stopping import stopping


class Command(OperatorCommand):
    help = "Send the messages (webhooks) that wait for applications."
    example = "* * * * *  manage.py send_webhooks"
    exit_codes = {
        0: "all that was due is sent, or is tried again by itself",
        1: "the keys that secrets are sealed under are missing or wrong",
    }
    notes = "SIGINT and SIGTERM finish what is in flight, which takes 15 seconds at most."

    def carry_out(self, options: Mapping[str, Any]) -> Outcome:
        with stopping() as stop:
            report = send_webhooks(clock=timezone.now, stop=stop)
        problem = "Secrets of webhooks cannot be opened: check HUB_SEALING_KEYS. What waits is kept."
        return Outcome(
            report=asdict(report),
            lines=[f"{report.delivered} delivered, {report.retry_later} to be tried again, {report.failed} failed"],
            problem=problem if report.needs_operator else "",
        )
