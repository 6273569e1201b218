"""A real SMTP server on loopback that keeps what it is given, and misbehaves on request."""

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class MailServer:
    """What was delivered, by how many connections; `refused` are addresses it will not have.

    It hangs up after `hang_up_after` messages on one connection, if that is not 0.
    """

    def __init__(self) -> None:
        self.delivered: list[EmailMessage] = []
        self.connections = 0
        self.refused: set[str] = set()
        self.hang_up_after = 0
        self.url = ""

    def to(self, address: str) -> list[EmailMessage]:
        return [message for message in self.delivered if message["To"] == address]

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[Any]
    ) -> str:
        if address in self.refused:
            return "550 No such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.original_content or b""
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.delivered.append(message)
        if self.hang_up_after and len(self.delivered) % self.hang_up_after == 0:
            assert server.transport is not None
            server.transport.close()
        return "250 OK"


@contextmanager
def running_mail_server() -> Iterator[MailServer]:
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    server = MailServer()
    controller = Controller(server, hostname="127.0.0.1", port=free_port())
    controller.start()
    server.url = f"smtp://127.0.0.1:{controller.port}"
    try:
        yield server
    finally:
        controller.stop()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
