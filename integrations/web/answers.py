"""A provider's answer as a page may show it: as text, never as what it claims to be."""

import http
import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from integrations.flows.access import Answer
from integrations.oauth.errors import printable
from integrations.web.summary import Summary, summarise

HEADER_LIMIT = 300
INDENT, DEEPEST = "  ", 24
_JSON_PARTS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{},:]|[^\s\[\]{},:"]++', re.DOTALL)
_LINE_ENDS = re.compile("\r\n?|[\u2028\u2029]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """`kind`: json, text, binary or empty. `text` is without control and direction characters but for line ends."""

    status: int
    reason: str
    meaning: str
    ok: bool
    milliseconds: int
    kind: str
    content_type: str
    size: int
    is_whole: bool
    text: str = field(repr=False)
    summary: Summary
    headers: tuple[tuple[str, str], ...] = field(repr=False)


def shown(answer: Answer, *, milliseconds: int, provider: str) -> Shown:
    """Put an answer into words, and its body into harmless text."""
    content_type = printable(answer.headers.get("content-type", ""), limit=100)
    kind = _kind(answer, content_type.partition(";")[0].strip().lower())
    text = answer.text if kind in ("json", "text") else ""
    return Shown(
        status=answer.status,
        reason=_reason(answer.status),
        meaning=meaning(answer.status, provider=provider),
        ok=answer.ok,
        milliseconds=milliseconds,
        kind=kind,
        content_type=content_type,
        size=len(answer.body),
        is_whole=answer.is_whole,
        text=neutral(indented(text) if kind == "json" else text),
        summary=summarise(text) if answer.ok else Summary(),
        headers=tuple(
            (printable(name, limit=60), printable(value, limit=HEADER_LIMIT))
            for name, value in sorted(answer.headers.items())
            if name != "content-type"
        ),
    )


def neutral(text: str) -> str:
    """Keep letters and line ends; a tab becomes spaces, and what could hide or turn text a visible mark."""
    lines = _LINE_ENDS.sub("\n", text).replace("\t", "    ")
    return "".join(
        "\ufffd" if character != "\n" and unicodedata.category(character)[0] == "C" else character
        for character in lines
    )


def indented(text: str) -> str:
    """JSON with a line for each member, nothing else changed; for what is not JSON, or deeper than a page, the same.

    Numbers and names stay as they were sent: nothing is computed from them. A text that was cut off is laid out as far
    as it goes.
    """
    lines, depth, line = [], 0, ""
    parts = list(_parts(text))
    for before, part in zip(["", *parts], parts, strict=False):
        if part in ("]", "}"):
            depth -= 1
            if before not in ("[", "{"):
                lines.append(line)
                line = INDENT * depth
        elif before in ("[", "{", ","):
            lines.append(line)
            line = INDENT * depth
        line += ": " if part == ":" else part
        if part in ("[", "{"):
            depth += 1
        if not 0 <= depth <= DEEPEST:
            return text
    return "\n".join([*lines, line])


def meaning(status: int, *, provider: str) -> str:
    """What an HTTP status means to the person who asked."""
    words = {
        201: _("%(provider)s made something new."),
        202: _("%(provider)s has taken the request, and does it later."),
        204: _("It worked. There is nothing to show."),
        304: _("Nothing has changed since it was last asked."),
        400: _("%(provider)s did not understand the request. Check the path, the query and the body."),
        401: _("%(provider)s did not accept the access, although the hub has just seen to it. Reconnect the account."),
        403: _("%(provider)s does not allow this to the connection. A feature may be missing, or a right over there."),
        404: _("%(provider)s has nothing at this path, or does not tell this account. Check the path."),
        405: _("This path does not take this method. Choose another method."),
        409: _("This does not fit what is there already at %(provider)s."),
        422: _("%(provider)s understood the request, but not what is in it. Check the body."),
        429: _("%(provider)s asks to slow down. Wait a little, then try again."),
    }
    by_class = {
        2: _("It worked."),
        3: _(
            "%(provider)s points to another address. The hub does not go there: the access belongs to this API alone."
        ),
        4: _("%(provider)s refused the request."),
        5: _("%(provider)s has a problem of its own. Wait a few minutes, then try again."),
    }
    sentence = words.get(status) or by_class.get(status // 100) or _("%(provider)s answered in an unusual way.")
    return sentence % {"provider": provider}


def _kind(answer: Answer, media_type: str) -> str:
    if not answer.body:
        return "empty"
    is_json = media_type == "application/json" or media_type.endswith("+json")
    textual = media_type.startswith("text/") or media_type.endswith(("xml", "javascript", "x-www-form-urlencoded"))
    if not (is_json or textual) and (media_type or b"\x00" in answer.body):
        return "binary"
    return "json" if is_json or _is_json(answer.text) else "text"


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False


def _parts(text: str) -> Iterator[str]:
    """Strings with their escapes undone where that can be read, and everything else as it is."""
    for found in _JSON_PARTS.finditer(text):
        yield _readable(found[0]) if found[0].startswith('"') else found[0]


def _readable(string: str) -> str:
    try:
        return json.dumps(json.loads(string, strict=False), ensure_ascii=False)
    except ValueError:
        return string


def _reason(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""
