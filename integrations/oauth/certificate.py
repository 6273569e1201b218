"""What a server's TLS certificate is worth: a handshake, and nothing is sent.

One that is refused is looked at once more, unverified, to say who issued it. Nothing goes over that connection either.
"""

import contextlib
import socket
import ssl
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from cryptography import x509

from integrations.oauth.address import AddressPolicy, Resolve
from integrations.oauth.connection import open_socket
from integrations.oauth.deadline import DeadlineSocket, new_context, remaining
from integrations.oauth.errors import ProviderUnavailable, printable

type Fault = Literal["", "expired", "not_yet_valid", "wrong_name", "untrusted", "no_tls"]

#: OpenSSL's numbers (X509_V_ERR_…); every other one means a chain that leads to nobody we trust.
_FAULTS: dict[int, Fault] = {9: "not_yet_valid", 10: "expired", 62: "wrong_name", 64: "wrong_name"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Handshake:
    """How it went. `issuer` and `expires_at` are what the certificate says; neither is there without TLS."""

    fault: Fault = ""
    issuer: str = ""
    expires_at: datetime | None = None


def shake_hands(url: str, *, policy: AddressPolicy, resolve: Resolve, ca_file: str, deadline: float) -> Handshake:
    """Connect to a URL's host before a moment of the monotonic clock, and look at its certificate.

    Raises:
        AddressRefused: not an address to call.
        ProviderUnavailable: no connection (codes name_not_found, connection_failed, timeout).
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)

    def connected() -> DeadlineSocket:
        return open_socket(host, port, policy=policy, resolve=resolve, deadline=deadline)

    try:
        with connected() as sock:
            if parts.scheme != "https":
                return Handshake()
            try:
                return _greeted(sock, host, new_context(ca_file), deadline=deadline)
            except ssl.SSLCertVerificationError as error:
                fault = _FAULTS.get(error.verify_code, "untrusted")
            except ssl.SSLError:
                return Handshake(fault="no_tls")
        seen = Handshake()
        with contextlib.suppress(OSError, ssl.SSLError), connected() as sock:
            seen = _greeted(sock, host, _credulous(), deadline=deadline)
        return Handshake(fault=fault, issuer=seen.issuer, expires_at=seen.expires_at)
    except TimeoutError:
        raise ProviderUnavailable("No answer in time.", code="timeout") from None
    except socket.gaierror:
        raise ProviderUnavailable("The host's name is not known.", code="name_not_found") from None
    except OSError:
        raise ProviderUnavailable("No connection.", code="connection_failed") from None


def _greeted(sock: DeadlineSocket, host: str, context: ssl.SSLContext, *, deadline: float) -> Handshake:
    sock.settimeout(remaining(deadline))
    with context.wrap_socket(sock, server_hostname=host) as secured:
        shown = secured.getpeercert(binary_form=True)
    try:
        certificate = x509.load_der_x509_certificate(shown or b"")
        issuer = printable(certificate.issuer.rfc4514_string())
        return Handshake(issuer=issuer, expires_at=certificate.not_valid_after_utc)
    except ValueError:
        return Handshake()


def _credulous() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
