"""Hand a server an answer that is whole in one piece: granian passes that on as it is.

Anything else it goes through piece by piece between two threads, which costs it more than the hub needs for some calls.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.http import HttpResponse

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


def whole(application: "WSGIApplication") -> "WSGIApplication":
    """Give what is no stream as a list, and close it: nothing of it is needed any more, the database neither."""

    def handed_out(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        response = application(environ, start_response)
        if not isinstance(response, HttpResponse):
            return response
        try:
            return [response.content]
        finally:
            response.close()

    return handed_out
