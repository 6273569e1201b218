"""Send the mail that waits: what needs a person, what was added to their account. For cron; two at once do no harm."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.utils import timezone

from integrations.mail.outbox import send_notices
from integrations.management.operator_command import OperatorCommand, Outcome
from integrations.management.stopping import stopping


class Command(OperatorCommand):
    help = "Send the notices that wait to be mailed."
    example = "* * * * *  manage.py send_notices"
    exit_codes = {
        0: "all that was due is sent, or is tried again by itself",
        1: "the mail server of EMAIL_URL cannot be used",
    }
    notes = "SIGINT and SIGTERM finish the letter in hand."

    def carry_out(self, options: Mapping[str, Any]) -> Outcome:
        with stopping() as stop:
            report = send_notices(clock=timezone.now, stop=stop)
        problem = "The mail server cannot be used: check EMAIL_URL. What waits is kept for three days."
        return Outcome(
            report=asdict(report),
            lines=[f"{report.sent} sent, {report.failed} failed, {report.given_up} given up"],
            problem=problem if report.needs_operator else "",
        )
