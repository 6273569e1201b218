"""Send the mail that waits: what needs a person, what was added to their account. For cron; two at once do no harm."""

from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.utils import timezone

from integrations.mail.outbox import send_notices
from integrations.management.database import needed_database
from integrations.management.stopping import stopping

EXAMPLE = """
example:
  * * * * *  manage.py send_notices

exit code: 0 all that was due is sent, or is tried again by itself; 1 the mail server of EMAIL_URL cannot be used; 2
wrong usage; 3 no usable database. SIGINT and SIGTERM finish the letter in hand.
"""


class Command(BaseCommand):
    help = "Send the notices that wait to be mailed."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        kwargs.setdefault("formatter_class", RawDescriptionHelpFormatter)
        return super().create_parser(prog_name, subcommand, epilog=EXAMPLE, allow_abbrev=False, **kwargs)

    def handle(self, *args: Any, **options: Any) -> None:
        with needed_database(), stopping() as stop:
            report = send_notices(clock=timezone.now, stop=stop)
        self.stdout.write(f"{report.sent} sent, {report.failed} failed, {report.given_up} given up")
        if report.needs_operator:
            raise CommandError("The mail server cannot be used: check EMAIL_URL. What waits is kept for three days.")
