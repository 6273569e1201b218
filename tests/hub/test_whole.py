"""An answer that is no stream is handed to the server in one piece, and nothing is held for it any more."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING
from wsgiref.util import setup_testing_defaults

import pytest
from django.core.signals import request_finished
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse

from hub.whole import whole

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment


def answered(response: HttpResponseBase) -> Iterable[bytes]:
    def application(environ: "WSGIEnvironment", start_response: "StartResponse") -> HttpResponseBase:
        return response

    return whole(application)({}, lambda *_: len)


@pytest.fixture
def finished() -> Iterator[list[object]]:
    """The requests that were done with."""
    seen: list[object] = []

    def note(sender: Callable[..., object], **_: object) -> None:
        seen.append(sender)

    request_finished.connect(note)
    yield seen
    request_finished.disconnect(note)


def test_answer_that_is_no_stream_is_one_piece_and_done_with(finished: list[object]) -> None:
    assert answered(HttpResponse([b"one ", b"two"])) == [b"one two"]
    assert len(finished) == 1


def test_stream_is_handed_on_as_it_is_and_done_with_when_the_server_closes_it(finished: list[object]) -> None:
    stream = StreamingHttpResponse(iter([b"one ", b"two"]))

    handed = answered(stream)

    assert handed is stream
    assert [*handed] == [b"one ", b"two"]
    assert finished == []
    stream.close()
    assert len(finished) == 1


def test_answer_is_not_lost_with_what_cannot_be_closed(caplog: pytest.LogCaptureFixture) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError

    request_finished.connect(fail)
    try:
        assert answered(HttpResponse(b"done")) == [b"done"]
    finally:
        request_finished.disconnect(fail)
    assert "an answer could not be closed" in caplog.text


@pytest.mark.django_db
def test_hub_hands_out_its_answers_so(finished: list[object]) -> None:
    # It looks into the database as soon as it is imported.
    from hub.wsgi import application

    environ: WSGIEnvironment = {"PATH_INFO": "/healthz"}
    setup_testing_defaults(environ)
    told: list[str] = []

    def start(status: str, *_: object) -> Callable[[bytes], object]:
        told.append(status)
        return len

    assert application(environ, start) == [b'{"status": "ok"}']
    assert told == ["200 OK"]
    assert len(finished) == 1
