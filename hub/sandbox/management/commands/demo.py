"""Run the hub on this machine, with the sandbox to connect to."""

import os
import signal
import socket
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from contextlib import closing
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import BaseCommand, CommandError, call_command
from django.core.wsgi import get_wsgi_application
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from hub.sandbox.residents import SignIn, move_in

HOST = "127.0.0.1"
# The hub calls itself over HTTP while it answers a page: one request may need two threads.
BLOCKING_THREADS = 32
STOP_SECONDS = 5

WELCOME = """
Integration Hub is ready

  Open      {url}/
  Sign in   {person.username} / {person.password}
  Operator  {operator.username} / {operator.password}  at {url}/admin/
  Data      {data}

Ctrl-C stops it.
"""
EXAMPLE = """
example:
  make demo PORT=8001
  HUB_MODE=demo manage.py demo --port 8001

exit code:
  0  it was stopped
  1  not in demo mode, or the port is taken
  2  wrong usage
"""


class Command(BaseCommand):
    help = "Run the hub on this machine, with a provider of its own to connect to."
    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        kwargs.setdefault("formatter_class", RawDescriptionHelpFormatter)
        return super().create_parser(prog_name, subcommand, epilog=EXAMPLE, allow_abbrev=False, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, metavar="NUMBER", help="listen there (8000)")

    def handle(self, *args: Any, port: int, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("The demo runs in demo mode only: make demo, or HUB_MODE=demo python manage.py demo.")
        url = f"http://{HOST}:{port}"
        if url != settings.SITE_URL:
            _start_again(url, port=port)
        _require_free(port)
        _migrate()
        person, operator = move_in(now=timezone.now())
        self.stdout.write(_welcome(url, person=person, operator=operator))
        self.stdout.flush()
        _serve(port)
        self.stdout.write("Stopped.")


def _start_again(url: str, *, port: int) -> None:
    """Settings are read once, much is made of SITE_URL, and accounts belong to an address: each port has its data."""
    other = {"HUB_VAR_DIRECTORY": f"{settings.VAR_DIRECTORY}-{port}"}
    os.execve(sys.executable, [sys.executable, *sys.argv], other | os.environ | {"SITE_URL": url})  # noqa: S606


def _require_free(port: int) -> None:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OverflowError, PermissionError):
            raise CommandError(f"Port {port} cannot be used. Choose another: make demo PORT=8001") from None
        except OSError:
            raise CommandError(
                f"Port {port} is taken. Stop what listens there, or choose another: make demo PORT={port + 1}"
            ) from None


def _migrate() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", verbosity=0)


def _welcome(url: str, *, person: SignIn, operator: SignIn) -> str:
    return WELCOME.format(url=url, person=person, operator=operator, data=settings.VAR_DIRECTORY)


def _serve(port: int) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP. The worker is a fork and must not share our database connection."""
    connections.close_all()
    server = Server(
        "hub.wsgi:application",
        address=HOST,
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=BLOCKING_THREADS,
        workers_kill_timeout=STOP_SECONDS,
        log_level=LogLevels.error,
    )
    # granian takes the hang-up of a closed terminal for a wish to reload.
    server.on_startup(lambda: signal.signal(signal.SIGHUP, server.signal_handler_interrupt))
    server.serve(target_loader=_load, wrap_loader=False)


def _load() -> WSGIHandler:
    """Load the application in the worker, out of the terminal's reach: Ctrl-C is for the server, which stops us."""
    os.setpgid(0, 0)
    return get_wsgi_application()
