"""Hand a server an answer that is whole in one piece: granian passes that on as it is.

Anything else it goes through piece by piece between two threads, which costs it more than the hub needs for some calls.
"""

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.http import HttpResponse

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


logger = logging.getLogger(__name__)


def whole(application: "WSGIApplication") -> "WSGIApplication":
    """Give what is no stream as a list, and close it: nothing of it is needed any more, the database neither."""

    def handed_out(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        response = application(environ, start_response)
        if not isinstance(response, HttpResponse):
            return response
        content = response.content
        try:
            response.close()
        except Exception:
            # What was done is done, and told; as it would be if it were closed afterwards.
            logger.exception("an answer could not be closed")
        return [content]

    return handed_out
