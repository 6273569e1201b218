"""The search for leaked secrets finds them: a search that finds nothing proves nothing."""

import base64
from urllib.parse import quote, urlencode

import pytest

from tests.canaries import leaks

SECRET = "cana/ry+1 sé:cret~_-%"


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        SECRET.encode(),
        quote(SECRET),
        urlencode({"token": SECRET}),
        urlencode({"token": SECRET}, quote_via=quote),
        SECRET.encode().hex(),
        *(base64.b64encode(b"x" * shift + SECRET.encode() + b"y" * 7) for shift in range(6)),
        *(base64.urlsafe_b64encode(b"x" * shift + SECRET.encode() + b"y" * 8) for shift in range(6)),
    ],
)
def test_a_secret_is_found_in_every_spelling(written: str | bytes) -> None:
    assert leaks(b"before" + (written.encode() if isinstance(written, str) else written) + b"after", [SECRET])


def test_a_text_without_the_secret_is_clean() -> None:
    assert leaks("canary is a bird", [SECRET]) == []
