"""Post one message to an address that somebody else chose, by the rules for calling providers.

One deadline for all of it, https to a public address judged at the moment of connecting, a connection for each message,
no redirects, no cookies, no proxies or passwords from the environment. Of the answer, status and Retry-After matter;
its body is not read.
"""

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass

import requests
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.exceptions import HTTPError

from integrations.oauth.address import AddressPolicy, Resolve, resolve
from integrations.oauth.message import USER_AGENT, Response, retry_after
from integrations.oauth.transport import GuardedAdapter, unavailable

DEADLINE_SECONDS = 15.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """How a receiver answered; `retry_after` in seconds, a day at most, None: it did not say."""

    status: int
    retry_after: int | None


class Post:
    """Posts messages. Thread-safe."""

    def __init__(
        self,
        policy: AddressPolicy,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
        ca_file: str = "",
        resolve: Resolve = resolve,
    ) -> None:
        self._policy = policy
        self._deadline_seconds = deadline_seconds
        self._adapter = GuardedAdapter(
            policy, deadline_seconds=deadline_seconds, ca_file=ca_file or DEFAULT_CA_BUNDLE_PATH, resolve=resolve
        )

    def send(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post a body of JSON; any status is an answer.

        Raises:
            AddressRefused: not an address to call; nothing was sent.
            ProviderUnavailable: no answer (codes timeout, connection_failed, tls_failed, connection_lost).
        """
        self._policy.check_url(url)
        deadline = time.monotonic() + self._deadline_seconds
        ours = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", "Connection": "close"}
        try:
            prepared = requests.Request("POST", url, headers={**headers, **ours}, data=body).prepare()
            with contextlib.closing(self._adapter.send(prepared, stream=True)) as answer:
                return _judged(answer)
        except (requests.RequestException, HTTPError, OSError) as error:
            # The chain could hold a URL with a query.
            raise unavailable(error, late=time.monotonic() >= deadline) from None


def _judged(answer: requests.Response) -> Answer:
    # Unread, it is closed with its connection: read, the connection would wait in a pool, closed by the receiver.
    headers = {name.lower(): value for name, value in answer.headers.items()}
    seconds = retry_after(Response(status=answer.status_code, headers=headers))
    return Answer(status=answer.status_code, retry_after=seconds)
