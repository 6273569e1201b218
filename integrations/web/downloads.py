"""Files that are made while they are sent, for one person and no cache."""

from collections.abc import Iterable

from django.http import StreamingHttpResponse


def download(pieces: Iterable[str], *, name: str, content_type: str) -> StreamingHttpResponse:
    """Answer with a file to be saved, never shown; `name` is ours, not anybody's input."""
    response = StreamingHttpResponse(pieces, content_type=f"{content_type}; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store, private"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
