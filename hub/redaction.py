"""Take secrets out of what is about to be written down: log events, tracebacks, error reports.

The last line of defence, for what libraries log and tracebacks show: our own code never logs a token.
"""

import re
from collections.abc import Mapping

REDACTED = "[redacted]"

_NAMES = (
    "access_?token|refresh_?token|id_?token|device_?code|user_?code|code_?verifier|client_?secret|client_?assertion"
    "|assertion|api_?key|secret_?key|sealing_?keys?|private_?key|password|passwd|passphrase|secret|token|bearer|state"
    "|nonce|csrfmiddlewaretoken|session_?id|sessionid|dpop"
)
_SECRET_KEY = re.compile(
    rf"(?:^|[_\-.]|\b)(?:{_NAMES}|authorization|cookie|set-cookie|ticket)s?$"
    r"|(?:verifier|secret|password|token|sealing_keys)(?:_value|_raw|_hash)?$",
    re.IGNORECASE,
)
# An OAuth error code is worth reading; an authorization code under the same name is not.
_CODE_KEY = re.compile(r"^(?:authorization_)?code$", re.IGNORECASE)
_ERROR_CODE = re.compile(r"[a-z]+(?:_[a-z]+)*|[0-9]{3}|(?:hub|models|security|fields)\.[EW][0-9]+")

_TEXT_RULES = (
    # what comes after the path: of an address, and of a request's first line
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s?#'\"<>]*)[?#][^\s'\"<>]+"), rf"\1?{REDACTED}"),
    (re.compile(r"(?<=[A-Z] )(/[^\s?#'\"]*)\?[^\s'\"]*(?= HTTP/\d)"), rf"\1?{REDACTED}"),
    # a query or a form: …&access_token=…&
    (
        re.compile(rf"(?i)\b((?:{_NAMES}|sig|signature|key)=)([^\s&#;'\"<>,)\]}}]+)"),
        rf"\1{REDACTED}",
    ),
    (re.compile(r"(?i)\b(code=)(?![a-z]+(?:_[a-z]+)*(?:[^\w-]|$))[^\s&#;'\"<>,)\]}]+"), rf"\1{REDACTED}"),
    # a JSON member or the repr of a dict: "access_token": "…", also when the quotes are escaped
    (
        re.compile(
            rf"(?i)(\\?[\"']b?(?:[\w-]*[_-])?(?:{_NAMES}|authorization|cookie|set-cookie)\\?[\"']\s*[:,=]\s*b?)"
            r"(?:\\?\"(?:[^\"\\]|\\[^\"])*\\?\"|\\?'(?:[^'\\]|\\[^'])*\\?'|[^\s,}\]]+)"
        ),
        rf"\1'{REDACTED}'",
    ),
    (
        re.compile(r"(?i)(\\?[\"']b?code\\?[\"']\s*[:,=]\s*b?\\?[\"'])(?![a-z]+(?:_[a-z]+)*\\?[\"'])([^\"'\\]+)"),
        rf"\1{REDACTED}",
    ),
    # a header line, or a scheme with its credentials
    (re.compile(r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie)\s*:\s*[^\r\n]+"), rf"\1: {REDACTED}"),
    (
        re.compile(r"(?i)\b(Bearer|Basic|DPoP|token)\s+(?=[\w.~+/=-]*[\d.~+/=])[\w.~+/=-]{8,}"),
        rf"\1 {REDACTED}",
    ),
    # a JWT anywhere
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*){0,3}"), REDACTED),
    # user and password in an address
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@:'\"]*:[^\s/@'\"]+@"), rf"\1{REDACTED}@"),
)


def is_secret_name(name: str) -> bool:
    """Whether a key, header or variable of this name holds a secret."""
    return bool(_SECRET_KEY.search(name))


def redact_text(text: str) -> str:
    """The text without the values of secret parameters, members, headers and credentials in addresses."""
    for pattern, replacement in _TEXT_RULES:
        text = pattern.sub(replacement, text)
    return text


def redact(value: object, name: str = "") -> object:
    """The value with every secret in it replaced, however deep; ``name`` is the key it was found under."""
    if name and is_secret_name(name) and value not in (None, "", True, False):
        return REDACTED
    match value:
        case str():
            if _CODE_KEY.match(name) and not _ERROR_CODE.fullmatch(value):
                return REDACTED
            return redact_text(value)
        case bytes():
            return redact(value.decode("utf-8", "replace"), name)
        case Mapping():
            return {key: redact(item, str(key)) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [redact(item, name) for item in value]
        case None | bool() | int() | float():
            return value
        case _:
            return redact_text(repr(value))
