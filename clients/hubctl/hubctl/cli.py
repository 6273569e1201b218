"""The commands."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hubctl import __version__, device
from hubctl.errors import Stopped
from hubctl.http import origin_of, printable
from hubctl.hub import Hub, sign_in

SCOPE = "profile connections:read connections:borrow connections:call"
EXAMPLES = """\
examples:
  hubctl login --hub https://hub.example.com --client-id 6Yx0c…
  hubctl list
  hubctl call github GET /user
  hubctl token github --scope read:user

exit codes: 0 done, 1 failed, 2 used wrongly, 3 sign in first, 4 a person must agree (the address is printed),
5 try again later. Everything that is not the answer goes to standard error.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except Stopped as stopped:
        _say(str(stopped))
        return stopped.exit_code
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - nobody reads on; it is closed when we end
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hubctl",
        description="Use the connections that you keep at an Integration Hub from a terminal.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"hubctl {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    login = _command(commands, "login", _login, "sign in: shows a code to enter in a browser, here or elsewhere")
    login.add_argument(
        "--client-id",
        default=os.environ.get("HUBCTL_CLIENT_ID"),
        help="of the application that you registered at the hub for this; or HUBCTL_CLIENT_ID",
    )
    login.add_argument("--scope", default=SCOPE, help="what to ask for; default: %(default)s")
    _command(commands, "logout", _logout, "have the hub end this sign-in, and forget it here")
    _command(commands, "whoami", _whoami, "who is signed in, and with what scope")
    listing = _command(commands, "list", _list, "the connections that you share with this program")
    listing.add_argument("--json", action="store_true", help="one JSON object a line")

    token = _command(commands, "token", _token, "print an access token of a connection, and nothing else")
    _connection(token)
    token.add_argument("--scope", default="", help="what it must be good for, as the provider spells it")

    call = _command(commands, "call", _call, "have the hub call the provider, and print the answer")
    _connection(call)
    call.add_argument("method", type=str.upper, metavar="METHOD")
    call.add_argument("path", metavar="PATH", help="below the provider's API, with its query: /user")
    call.add_argument("--data", metavar="FILE", help="send this file as the body; - is standard input")
    call.add_argument("--content-type", default="application/json", help="of the body; default: %(default)s")
    call.add_argument("--output", metavar="FILE", help="write the answer there")
    return parser


def _command(commands: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    command.set_defaults(run=run)
    command.add_argument(
        "--hub", default=os.environ.get("HUBCTL_HUB"), metavar="ADDRESS", help="which hub; or HUBCTL_HUB"
    )
    return command


def _connection(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "connection", metavar="CONNECTION", help="its id, the beginning of it, or the provider if there is one of it"
    )


def _login(options: argparse.Namespace) -> None:
    if not options.hub or not options.client_id:
        raise Stopped(
            "Say which hub and which client: hubctl login --hub ADDRESS --client-id ID\n"
            "The client_id is on the hub's page Applications, where you register one for devices."
        )
    kept = sign_in(origin_of(options.hub), client_id=options.client_id, scope=options.scope, show=_show)
    _say(f"Signed in to {kept.origin}. It may: {kept.scope}")


def _show(code: device.Code) -> None:
    _say(f"Open {code.verification_uri} in a browser, and enter the code {code.user_code}")
    if code.complete_uri:
        _say(f"or open {code.complete_uri} and compare the code.")
    _say("Waiting until you have decided there …")


def _logout(options: argparse.Namespace) -> None:
    hub = _hub(options)
    hub.forget()
    _say(f"Signed out of {hub.origin}.")


def _whoami(options: argparse.Namespace) -> None:
    hub = _hub(options)
    found = hub.get("/me")
    _print(printable(f"{found.get('name') or found.get('client_id')} at {hub.origin}: {found.get('scope')}"))


def _list(options: argparse.Namespace) -> None:
    hub = _hub(options)
    rows = list(hub.connections())
    for row in rows:
        _print(
            json.dumps(row) if options.json else f"{row['id']}  {row['provider']:<12} {row['status']:<22} {_title(row)}"
        )
    if not rows:
        _say(f"No connection is shared with this program. Share one at {hub.origin}/applications/")


def _token(options: argparse.Namespace) -> None:
    hub = _hub(options)
    found = hub.post(
        f"/connections/{_id(hub, options.connection)}/token", {"scope": options.scope} if options.scope else {}
    )
    _print(str(found["access_token"]))


def _call(options: argparse.Namespace) -> None:
    hub = _hub(options)
    body = _body(options.data)
    headers = {"Accept": "*/*"} | ({} if body is None else {"Content-Type": options.content_type})
    answer = hub.call(_id(hub, options.connection), options.method, options.path, headers=headers, body=body)
    if options.output:
        Path(options.output).write_bytes(answer.body)
    else:
        sys.stdout.buffer.write(answer.body)
        sys.stdout.flush()
        if sys.stdout.isatty() and not answer.body.endswith(b"\n"):
            _print("")
    if answer.status >= 400:
        raise Stopped(f"The provider answered {answer.reason}")


def _body(name: str | None) -> bytes | None:
    if name is None:
        return None
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise Stopped(f"{name} cannot be read: {error.strerror}. --data names a file; - is standard input.") from None


def _id(hub: Hub, asked: str) -> str:
    """The id of a connection that was asked for by its beginning, or by its provider."""
    rows = list(hub.connections())
    found = [row for row in rows if str(row["id"]).startswith(asked.lower()) or row["provider"] == asked]
    if len(found) == 1:
        return str(found[0]["id"])
    if found:
        raise Stopped(f"{asked} may be any of these:\n" + "\n".join(f"{row['id']}  {_title(row)}" for row in found))
    raise Stopped(f"No connection {asked!r} is shared with this program. See: hubctl list")


def _title(row: dict[str, Any]) -> str:
    text = str(row.get("title") or row.get("account_label") or "")
    return printable(text)


def _hub(options: argparse.Namespace) -> Hub:
    return Hub(origin_of(options.hub) if options.hub else None)


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
