"""The codes of problems: what each means, and with which status it is answered. They stay; words may change."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One kind of problem: its status, and what whoever meets it can do."""

    status: int
    meaning: str


CODES: Mapping[str, Kind] = {
    "request_malformed": Kind(status=400, meaning="The request cannot be read: it is no JSON, or holds a NUL."),
    "idempotency_key_invalid": Kind(status=400, meaning="Idempotency-Key is 1 to 255 printable ASCII characters."),
    "path_refused": Kind(
        status=400,
        meaning="The path could lead elsewhere, or be read in two ways: write it out.",
    ),
    "framing_refused": Kind(status=400, meaning="The length of the body is told in two ways, or is no number."),
    "body_incomplete": Kind(status=400, meaning="The body ended before its Content-Length."),
    "token_missing": Kind(status=401, meaning="Send an access token of this hub in the Authorization header."),
    "invalid_token": Kind(status=401, meaning="The access token is unknown, expired or revoked: get a new one."),
    "insufficient_scope": Kind(
        status=403,
        meaning="`scope` is missing. With `consent_url`: at the connection, and that is where its owner grants it. "
        "Without: in your access token, so ask for one with it.",
    ),
    "token_exceeds_consent": Kind(
        status=403,
        meaning="Its token can do more than its owner allowed you; they can allow it all at `consent_url`.",
    ),
    "call_not_allowed": Kind(
        status=403, meaning="Its owner allowed you other calls than this one; they can allow it at `consent_url`."
    ),
    "person_required": Kind(status=403, meaning="This acts for a person, and your access token for none."),
    "not_found": Kind(status=404, meaning="There is nothing at this address."),
    "unknown_connection": Kind(
        status=404, meaning="There is no such connection, or it is not shared with your application; which is not told."
    ),
    "unknown_provider": Kind(status=404, meaning="No such provider can be connected here."),
    "method_not_allowed": Kind(status=405, meaning="The address does not know this method; Allow says which."),
    "needs_reauthorization": Kind(
        status=409, meaning="The access has ended; `reason` says why. At `reconnect_url` its owner connects it again."
    ),
    "request_in_progress": Kind(
        status=409, meaning="The first request with this Idempotency-Key is not answered yet: repeat it in a moment."
    ),
    "length_required": Kind(status=411, meaning="Send the body with a Content-Length."),
    "body_too_large": Kind(status=413, meaning="A body has at most 65,536 bytes; one that is passed on, more."),
    "media_type_unsupported": Kind(status=415, meaning="Send the body as application/json."),
    "invalid_parameters": Kind(status=422, meaning="`errors` says which parameter or member is wrong, and why."),
    "idempotency_key_reused": Kind(
        status=422, meaning="This Idempotency-Key was used for something else: take a new one."
    ),
    "rate_limited": Kind(status=429, meaning="Too many requests in this minute: wait for Retry-After seconds."),
    "too_many_calls": Kind(status=429, meaning="As many of your own calls are under way as may be: wait for them."),
    "internal_error": Kind(status=500, meaning="A mistake of the hub's own; tell an operator its `support_code`."),
    "operator_needed": Kind(status=502, meaning="Only an operator of the hub can mend it; `reason` says what it is."),
    "provider_busy": Kind(status=503, meaning="As many calls to this provider are under way as may be: come back."),
    "hub_busy": Kind(status=503, meaning="As many calls are under way as may be: come back."),
    "temporarily_unavailable": Kind(
        status=503,
        meaning="The provider, or the issuer of your token, does not answer as it should: repeat it after Retry-After "
        "seconds.",
    ),
}
