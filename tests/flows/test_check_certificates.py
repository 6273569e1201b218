"""A check-up with real TLS: how long certificates last, and what is wrong with those that are refused."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from integrations.flows.check_finding import Level
from integrations.models import ClientRegistration
from integrations.oauth.address import AddressPolicy
from integrations.oauth.transport import Transport
from tests.clock import Clock
from tests.factories import make_registration
from tests.fakes.tls import untrusted_context
from tests.fakes.wire import Listener, Outgoing
from tests.flows.checking import check, codes, one
from tests.oauth.certificates import Authority

pytestmark = pytest.mark.django_db
HOST = "provider.example.test"

type Served = tuple[ClientRegistration, Transport]
type Serve = Callable[..., Served]


@pytest.fixture
def clock() -> Clock:
    """OpenSSL goes by the time of day."""
    return Clock(datetime.now(UTC))


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """A provider with a certificate, at a name that leads to loopback; what to check it with."""
    with ExitStack() as stack:

        def started(
            *, host: str = HOST, trusted: bool = True, **validity: timedelta
        ) -> tuple[ClientRegistration, Transport]:
            authority = Authority(tmp_path)
            context = authority.server_context(host, **validity) if trusted else untrusted_context()
            listener = Listener(lambda incoming: Outgoing(status=400), tls=context).open()
            stack.callback(listener.close)
            policy = AddressPolicy(allowed_hosts=frozenset({HOST}))
            transport = Transport(policy, ca_file=authority.ca_file, resolve=lambda name, port: ["127.0.0.1"])
            registration = make_registration(origin=f"https://{HOST}:{listener.origin.rpartition(':')[2]}")
            return registration, transport

        yield started


def found(serve: Serve, clock: Clock, **certificate: object) -> tuple[list[str], str]:
    registration, transport = serve(**certificate)
    checked = check(registration, clock, transport=transport)
    code = next(code for code in codes(checked) if code.startswith(("host_", "certificate_", "tls_")))
    return codes(checked), one(checked, code).sentence


def test_a_good_certificate_is_told_with_its_days_and_its_issuer(serve: Serve, clock: Clock) -> None:
    all_codes, sentence = found(serve, clock, until=timedelta(days=90, hours=1))

    assert "host_ok" in all_codes
    assert "90 more days" in sentence
    assert "CN=test authority" in sentence
    assert "endpoint_ok" in all_codes


@pytest.mark.parametrize(("days", "code"), [(20, "certificate_expires_soon"), (22, "host_ok")])
def test_a_certificate_that_ends_soon_is_warned_of(serve: Serve, clock: Clock, days: int, code: str) -> None:
    all_codes, sentence = found(serve, clock, until=timedelta(days=days, hours=1))

    assert code in all_codes
    assert str(days) in sentence


@pytest.mark.parametrize(
    ("certificate", "code", "issuer"),
    [
        ({"since": -timedelta(days=9), "until": -timedelta(hours=1)}, "certificate_expired", "CN=test authority"),
        ({"since": timedelta(hours=1), "until": timedelta(days=9)}, "certificate_not_yet_valid", "CN=test authority"),
        ({"host": "another.example.test"}, "certificate_wrong_name", "CN=test authority"),
        ({"trusted": False}, "certificate_untrusted", "CN=127.0.0.1"),
    ],
)
def test_a_certificate_that_is_refused_is_told_with_its_issuer_and_nothing_is_sent(
    serve: Serve, clock: Clock, certificate: dict[str, object], code: str, issuer: str
) -> None:
    all_codes, sentence = found(serve, clock, **certificate)

    assert code in all_codes
    assert issuer in sentence
    assert "endpoint_ok" not in all_codes
    assert "client_accepted" not in all_codes
    assert "endpoint_not_checked" in all_codes


def test_a_port_that_speaks_no_tls(clock: Clock) -> None:
    listener = Listener(lambda incoming: Outgoing(status=400)).open()
    transport = Transport(AddressPolicy(allowed_hosts=frozenset({HOST})), resolve=lambda name, port: ["127.0.0.1"])

    registration = make_registration(origin=f"https://{HOST}:{listener.origin.rpartition(':')[2]}")
    checked = check(registration, clock, transport=transport)
    listener.close()

    assert one(checked, "tls_failed").level is Level.FAILURE


def test_a_name_that_is_not_known(clock: Clock) -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    transport = Transport(AddressPolicy(), resolve=unknown)

    checked = check(make_registration(provider="github", variables={}), clock, transport=transport)

    assert codes(checked).count("name_not_found") == 2
