"""Send what waits in the outbox. Any number of senders may run at once, and each may be killed.

A letter is sent at least once: a sender that dies between handing it over and striking it off leaves it to the next
one, under the same Message-ID.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from smtplib import SMTPException, SMTPServerDisconnected

from django.conf import settings
from django.core.mail import EmailMessage, mailers

from integrations.flows import notices
from integrations.flows.notices import Letter
from integrations.mail.letter import message_of

logger = logging.getLogger(__name__)

PEOPLE_AT_ONCE = 100
#: A server that refuses so many in a row refuses us.
REFUSALS_TO_STOP = 20


@dataclass(kw_only=True)
class Report:
    """How many letters left and how many will be tried again; `needs_operator`: the mail server cannot be used."""

    sent: int = 0
    failed: int = 0
    given_up: int = 0
    needs_operator: bool = False


class MailServerUnusable(Exception):
    """No connection, or nothing but refusals: the rest waits."""


class Post:
    """One connection to the mail server, opened when the first letter leaves and again when the server hangs up."""

    def __init__(self) -> None:
        self._mailer = mailers.default
        self._is_open = False
        self._refused = 0

    def send(self, message: EmailMessage) -> bool:
        """Hand one message over; False: the server will not have it, now or ever.

        Raises:
            MailServerUnusable
        """
        self._open()
        try:
            self._hand_over(message)
        except (SMTPException, ValueError) as error:
            # The exception of a refused recipient holds the address.
            logger.error("notice not sent", extra={"error": type(error).__name__})  # noqa: TRY400
            self._refused += 1
            if self._refused >= REFUSALS_TO_STOP:
                raise MailServerUnusable from None
            return False
        self._refused = 0
        return True

    def close(self) -> None:
        """Say goodbye; a server that has gone already is no trouble."""
        try:
            self._mailer.close()
        except OSError as error:
            logger.info("mail server did not say goodbye", extra={"error": type(error).__name__})

    def _open(self) -> None:
        if self._is_open:
            return
        try:
            self._mailer.open()
        except OSError as error:
            logger.error("mail server cannot be used", extra={"error": type(error).__name__})  # noqa: TRY400
            raise MailServerUnusable from None
        self._is_open = True

    def _hand_over(self, message: EmailMessage) -> None:
        try:
            self._mailer.send_messages([message])
        except SMTPServerDisconnected:
            # Servers hang up after so many messages, or after a while.
            self._again(message)
        except SMTPException:
            raise
        except OSError:
            self._again(message)

    def _again(self, message: EmailMessage) -> None:
        self.close()
        self._is_open = False
        self._open()
        try:
            self._mailer.send_messages([message])
        except SMTPServerDisconnected:
            raise MailServerUnusable from None
        except SMTPException:
            raise
        except OSError:
            raise MailServerUnusable from None


def send_notices(*, clock: Callable[[], datetime], stop: Callable[[], bool] = lambda: False) -> Report:
    """Send what is due until nothing is, or `stop` says so. Without a mail server nothing is sent.

    Raises:
        django.db.DatabaseError: what was handed over and could not be struck off is sent once more, later.
    """
    report = Report(given_up=notices.expire(now=clock()))
    if not settings.EMAIL_URL:
        return report
    post = Post()
    try:
        while not stop() and (letters := notices.claim(people=PEOPLE_AT_ONCE, now=clock())) is not None:
            try:
                for letter in letters:
                    if not stop() and notices.still_held(letter, now=clock()):
                        _send(letter, post, report, clock=clock)
            finally:
                notices.release(letters)
    except MailServerUnusable:
        report.needs_operator = True
    finally:
        post.close()
    return report


def _send(letter: Letter, post: Post, report: Report, *, clock: Callable[[], datetime]) -> None:
    try:
        left = post.send(message_of(letter, now=clock()))
    except MailServerUnusable:
        raise
    except Exception:
        # One letter that cannot be written must not keep the others.
        logger.exception("notice not sent", extra={"person": letter.user_id})
        left = False
    if left:
        notices.sent(letter, now=clock())
        report.sent += 1
    else:
        notices.postpone(letter, now=clock())
        report.failed += 1
