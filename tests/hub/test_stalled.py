"""A reader that takes nothing of an answer does not hold a thread for ever."""

import errno
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse

from hub import stalled

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

pytestmark = pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the system knows no such thing")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.mark.requirement(121)
@pytest.mark.parametrize("is_taken_before", [False, True])
def test_connection_whose_reader_takes_nothing_ends(listener: socket.socket, is_taken_before: bool) -> None:
    if not is_taken_before:
        stalled.limit(1)
    reader = socket.create_connection(listener.getsockname())
    taken, _ = listener.accept()
    if is_taken_before:
        stalled.limit(1)
    taken.settimeout(20)

    with reader, taken:
        with pytest.raises(OSError, match="timed out") as caught:
            taken.sendall(bytes(100_000_000))
        ours = reader.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)

    # With a number, it is the kernel's; without, the test's own patience has ended.
    assert (caught.value.errno, ours) == (errno.ETIMEDOUT, 0)


class Application(WSGIHandler):
    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> HttpResponse:
        return HttpResponse("answered")


@pytest.mark.requirement(121)
def test_system_that_refuses_costs_no_request(listener: socket.socket, caplog: pytest.LogCaptureFixture) -> None:
    beyond_what_keepalive_takes = 2**15
    application = stalled.give_up_after(beyond_what_keepalive_takes, Application())

    answers = [b"".join(application({}, lambda *_: len)) for _ in range(2)]

    assert answers == [b"answered", b"answered"]
    assert [record.getMessage() for record in caplog.records].count("nothing ends readers that stall here") == 1
