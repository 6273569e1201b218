"""Why a flow stops.

OAuthError
├── ConnectRefused        a connect attempt that must not go on
├── ConnectionUnusable    a connection nothing can be done with now
├── ScopeMissing          the connection lacks scope; a person can grant it
├── NotConnected          the person has no connection at this provider
├── NotLent               the borrower may not know of such a connection
├── CallRefused           a call that is not passed on; the caller must send another
├── TooManyCalls          as many calls are under way as there may be
└── RotationUncertain     a refresh token may have been spent; time will tell
"""

from integrations.oauth.errors import OAuthError, Remedy


class ConnectRefused(OAuthError):
    """A connect attempt that must not go on.

    ``code``: attempt_unknown, attempt_expired, other_user, other_browser, other_registration, other_account,
    connection_gone.
    """

    code = "attempt_unknown"
    remedy = Remedy.REAUTHORIZE


class ConnectionUnusable(OAuthError):
    """The person must reconnect, or an operator must act; ``code`` says why.

    ``code``: needs_reauthorization, disconnected, owner_inactive (remedy REAUTHORIZE); registration_disabled,
    key_unknown, key_wrong, destination_refused (remedy OPERATOR); key_service_unavailable (remedy RETRY).
    """

    code = "needs_reauthorization"
    remedy = Remedy.REAUTHORIZE

    def __init__(self, description: str = "", *, code: str = "", remedy: Remedy = Remedy.REAUTHORIZE) -> None:
        super().__init__(description, code=code)
        self.remedy = remedy


class ScopeMissing(OAuthError):
    """The connection lacks `scope`, or the borrower does; `consent_path` is the page where its owner grants it.

    ``code``: insufficient_scope, token_exceeds_consent, call_not_allowed.
    """

    code = "insufficient_scope"
    remedy = Remedy.REAUTHORIZE

    def __init__(self, description: str, *, scope: frozenset[str], consent_path: str, code: str = "") -> None:
        super().__init__(description, code=code)
        self.scope = scope
        self.consent_path = consent_path


class NotConnected(OAuthError):
    """The person has no usable connection at this provider; `consent_path` is where to make one."""

    code = "not_connected"
    remedy = Remedy.REAUTHORIZE

    def __init__(self, description: str, *, consent_path: str) -> None:
        super().__init__(description)
        self.consent_path = consent_path


class NotLent(OAuthError):
    """No connection that the borrower may know of, for whatever reason: the reasons are not told apart."""

    code = "unknown_connection"
    remedy = Remedy.REAUTHORIZE


class CallRefused(OAuthError):
    """A call that is not passed on to a provider, whoever makes it; `status` is what HTTP calls that.

    ``code``: path_refused, framing_refused, length_required, body_too_large, body_incomplete.
    """

    code = "path_refused"

    def __init__(self, description: str, *, code: str = "", status: int = 400) -> None:
        super().__init__(description, code=code)
        self.status = status


class TooManyCalls(OAuthError):
    """As many calls are under way as there may be; nothing was sent. `is_theirs`: it is the caller's own that are.

    ``code``: too_many_calls (of this person, or with this connection), provider_busy, hub_busy.
    """

    code = "too_many_calls"
    remedy = Remedy.RETRY

    def __init__(self, description: str, *, code: str = "", is_theirs: bool) -> None:
        super().__init__(description, code=code, retry_after=1)
        self.is_theirs = is_theirs


class RotationUncertain(OAuthError):
    """A worker vanished after it was about to send the refresh token. Sending it again could end the grant."""

    code = "rotation_uncertain"
    remedy = Remedy.RETRY
