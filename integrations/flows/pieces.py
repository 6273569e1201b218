"""The body of a provider's answer on its way to whoever called through the hub."""

from collections.abc import Callable, Iterator

from django.conf import settings

from integrations.oauth.errors import ProviderUnavailable

#: An answer up to here is read whole, and so nobody who reads slowly holds anything.
WHOLE_BYTES = 64 * 1024


class Pieces:
    """The rest of an answer, in pieces of at most 64 KiB. Whoever is done with it closes it, read or not."""

    def __init__(self, first: list[bytes], rest: Iterator[bytes], close: Callable[[], None]) -> None:
        self._first, self._rest, self._close = first, rest, close
        self._left = settings.HUB_PROXY.body_bytes - sum(map(len, first))

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._first:
            return self._first.pop(0)
        try:
            piece = next(self._rest)
            self._left -= len(piece)
            if self._left < 0:
                raise too_large()
        except BaseException:  # its end, too
            self.close()
            raise
        return piece

    def close(self) -> None:
        self._close()


def beginning(rest: Iterator[bytes]) -> tuple[list[bytes], bool]:
    """The first pieces of a body, and whether that is all of it."""
    first, size = list[bytes](), 0
    for piece in rest:
        first.append(piece)
        size += len(piece)
        if size > WHOLE_BYTES:
            return first, False
    return first, True


def too_large() -> ProviderUnavailable:
    """What is raised of a body that is larger than the hub passes on."""
    return ProviderUnavailable("The answer is larger than the hub passes on.", code="response_too_large")
