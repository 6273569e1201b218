"""What the OAuth client's tests share: servers on loopback, and both transports behind one function."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from integrations.oauth.address import AddressPolicy
from integrations.oauth.async_transport import AsyncTransport
from integrations.oauth.message import Request, Response
from integrations.oauth.transport import Transport
from tests.oauth.certificates import Authority
from tests.oauth.loopback import Answer, Loopback

type Serve = Callable[..., Loopback]

LOOPBACK = AddressPolicy(allowed_hosts=frozenset({"127.0.0.1"}))
PUBLIC = AddressPolicy()
SECRET = "canary-secret-7d1f"


class Send(Protocol):
    """Send one request by the transport under test."""

    def __call__(self, request: Request, *, policy: AddressPolicy = LOOPBACK, **options: Any) -> Response: ...


@pytest.fixture(params=["requests", "asyncio"])
def send(request: pytest.FixtureRequest) -> Send:
    return send_by_requests if request.param == "requests" else send_by_asyncio


def send_by_requests(request: Request, *, policy: AddressPolicy = LOOPBACK, **options: Any) -> Response:
    transport = Transport(policy, **options)
    try:
        return transport.send(request)
    finally:
        transport.close()


def send_by_asyncio(request: Request, *, policy: AddressPolicy = LOOPBACK, **options: Any) -> Response:
    async def exchange() -> Response:
        async with AsyncTransport(policy, **options) as transport:
            return await transport.send(request)

    return asyncio.run(exchange())


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers on loopback; they end with the test."""
    with ExitStack() as stack:

        def start(*answers: Answer, **options: Any) -> Loopback:
            return stack.enter_context(Loopback(*answers, **options))

        yield start


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder: Path = tmp_path_factory.mktemp("authority")
    return Authority(folder)


def post(url: str, body: bytes = b"grant_type=refresh_token") -> Request:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return Request(method="POST", url=url, headers=headers, body=body)
