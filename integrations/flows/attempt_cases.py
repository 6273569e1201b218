"""What each failed step of an attempt most likely means, in words: the table that `attempt_cause` reads from the top.

The codes of causes are stable; docs/troubleshooting.md explains them. Names in braces are filled in.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Case(NamedTuple):
    """Which failed step is meant: its name, its error codes (none: any), and words of the provider in it."""

    step: str
    errors: str
    cause: str
    said: str = ""


_REDIRECT = r"redirect|reply.?(url|address)|callback|AADSTS50011"
_PKCE = r"pkce|code.?(verifier|challenge)"
_SECRET = r"secret|credential"
_SPENT = r"already|redeemed|expired|used|once"
_AWAY = "timeout connection_failed connection_lost server_error rate_limited temporarily_unavailable slow_down"
_ANSWER = "response token"

CASES = (
    Case("begin prepare", "registration_disabled", "switched_off"),
    Case("begin prepare", "owner_inactive", "person_inactive"),
    Case("begin prepare", "pkce_unsupported", "pkce_not_offered"),
    Case("begin prepare", "client_secret_missing", "client_refused"),
    Case("begin prepare state response", "connection_gone", "connection_gone"),
    Case("prepare", "attempt_unknown", "sealing_key_changed"),
    Case("prepare", "", "registration_broken"),
    Case("state", "other_browser", "other_browser"),
    Case("state", "other_user", "other_person"),
    Case("state", "other_registration", "other_registration"),
    Case("state", "attempt_expired", "too_late"),
    Case("state", "attempt_unknown", "given_up"),
    Case("state response", "duplicate_parameter code_missing code_malformed state_missing", "response_malformed"),
    Case("response", "iss_missing iss_mismatch", "wrong_issuer"),
    Case("response", "access_denied", "consent_denied"),
    Case("response", "registration_disabled", "switched_off"),
    Case("response", "owner_inactive", "person_inactive"),
    Case(_ANSWER, "redirect_uri_mismatch bad_redirect_uri invalid_redirect_uri", "redirect_uri_mismatch"),
    Case(_ANSWER, "invalid_request invalid_grant invalid_client", "redirect_uri_mismatch", _REDIRECT),
    Case(_ANSWER, "invalid_request invalid_grant", "pkce_refused", _PKCE),
    Case(_ANSWER, "invalid_scope", "scope_refused"),
    Case(_ANSWER, "invalid_request", "scope_refused", r"scope"),
    Case(_ANSWER, "unauthorized_client unsupported_response_type unsupported_grant_type", "client_not_allowed"),
    Case("token", "invalid_client client_secret_missing", "client_refused"),
    Case("token", "invalid_request", "client_refused", _SECRET),
    Case("token", "invalid_grant", "code_replayed", _SPENT),
    Case("token", "invalid_grant", "code_refused"),
    Case("token", "unexpected_redirect", "token_endpoint_wrong"),
    Case("token", "unreadable_response response_too_large", "token_endpoint_wrong"),
    Case("response token identity", "tls_failed", "tls_failed"),
    Case("response token identity", "address_refused url_refused host_refused port_refused", "address_refused"),
    Case("response token identity", _AWAY, "provider_away"),
    Case("response token", "", "request_refused"),
    Case("identity", "exp iat nbf", "clock_skew"),
    Case("identity", "iss", "wrong_issuer"),
    Case("identity", "aud azp", "wrong_audience"),
    Case("identity", "nonce at_hash token_kind", "id_token_foreign"),
    Case("identity", "signature algorithm header malformed jwks_unavailable", "id_token_unreadable"),
    Case("identity", "", "account_unknown"),
    Case("store", "other_account", "other_account"),
    Case("store", "connection_gone", "connection_gone"),
    Case("store", "owner_inactive", "person_inactive"),
    Case("", "crash", "crash"),
    Case("", "", "unexplained"),
)

_COPY = "Register the redirect URI at the provider, byte for byte: {redirect_uri}"
_START_AGAIN = "Let the person start again, in one browser and without a detour."
CAUSES: Mapping[str, tuple[str, str]] = {
    "none": ("It went well.", ""),
    "granted_less": (
        "It went well, and less was granted than asked for: {missing} is missing.",
        "The person left it unticked, or the provider does not give it to this client. They may enable it later.",
    ),
    "under_way": ("The person is at the provider, or still has time to come back.", ""),
    "never_came_back": (
        "The person never came back. Either they gave up, or the provider showed an error of its own instead of "
        "sending them back; then the redirect URI or the client ID is most likely not the one registered there.",
        _COPY + " Run the check-up of the registration, then try it yourself.",
    ),
    "came_back_twice": (
        "The answer was brought more than once: the page was loaded again, or opened from the history. It counts once.",
        "",
    ),
    "given_up": (
        "The hub did not wait for this attempt any more: the person began many others since, or disconnected, or the "
        "answer was brought after it had been used.",
        _START_AGAIN,
    ),
    "switched_off": ("The registration is switched off.", "Switch it on in admin, if it is wanted."),
    "person_inactive": ("The person's account at the hub is not active.", "Nothing, if that is meant."),
    "registration_broken": (
        "The registration does not fit the catalogue, or its secret cannot be opened ({error}).",
        "Run the check-up of the registration.",
    ),
    "sealing_key_changed": (
        "What was kept of the attempt could not be opened: its sealing key went away meanwhile.",
        "Keep the old sealing key for ten minutes after a change. " + _START_AGAIN,
    ),
    "pkce_not_offered": (
        "The provider's metadata does not offer PKCE with S256, so the hub does not begin.",
        "Run the check-up of the registration; choose “Without PKCE” only if the provider has none.",
    ),
    "pkce_refused": (
        "The provider refused the PKCE challenge or verifier.",
        "If the provider has no PKCE for this kind of client, choose “Without PKCE” in the registration.",
    ),
    "other_browser": (
        "The answer came in another browser session than the attempt began in: another browser or private window, a "
        "link opened in an app, a new sign-in in between, or a session cookie that got lost.",
        _START_AGAIN + " If it happens to everybody: SITE_URL must be the address people use, and the session cookie "
        "SameSite=Lax, which no proxy may change.",
    ),
    "other_person": (
        "Somebody else brought the answer than the person who began. It may be an attack by a link.",
        "Ask how they came by the link. Whoever wants to connect starts for themselves.",
    ),
    "other_registration": (
        "The answer came to the redirect URI of another registration: two have each other's redirect URI at the "
        "provider, or one provider passes on another's answer.",
        "Compare the redirect URIs of both registrations at the provider.",
    ),
    "too_late": (
        "The person took longer than the hub waits, or clocks of the hub's machines differ.",
        _START_AGAIN + " If it is always so, compare the clocks of all machines.",
    ),
    "response_malformed": (
        "The provider's answer lacked what it must have, or had it twice ({error}).",
        "Compare the provider's response mode with its catalogue entry: the hub reads the query only.",
    ),
    "wrong_issuer": (
        "The answer names another issuer or tenant than the registration has.",
        "Register the hub with exactly the issuer that the provider names; for one tenant, with the tenant in it.",
    ),
    "wrong_audience": (
        "The ID token is for another client.",
        "Compare the client ID with the provider's; it may belong to another application there.",
    ),
    "consent_denied": (
        "The person, or a rule of their organisation, said no at the provider.",
        "Nothing, if they meant it. Else an administrator at the provider must allow the hub.",
    ),
    "redirect_uri_mismatch": ("The provider does not accept the redirect URI.", _COPY),
    "scope_delimiter": (
        "The provider refused the scope, and one token of it holds a comma or a blank: {scope}",
        "In the registration, put single blanks between tokens of the extra scope. For an own catalogue entry, "
        "compare scope_separator with the provider's documentation.",
    ),
    "scope_refused": (
        "The provider refused the scope: {scope}",
        "Allow this scope for the client at the provider, or take it out of the registration's extra scope.",
    ),
    "client_not_allowed": (
        "The provider knows the client and does not let it do this ({error}).",
        "Allow the authorization code grant for this client at the provider, and see that it is not suspended.",
    ),
    "client_refused": (
        "The provider does not accept the client's ID, secret, or way of authenticating ({authentication}).",
        "Copy ID and secret once more. If they are right, choose another authentication method, as the provider "
        "documents it. The check-up tells whether it works.",
    ),
    "code_replayed": (
        "The provider says that the code was used already or has expired.",
        _START_AGAIN + " If it is always so, something between the browser and the hub opens addresses twice, or the "
        "clocks differ: run the check-up.",
    ),
    "code_refused": (
        "The provider did not accept the code. It does not say why: most often the redirect URI differs from the one "
        "the person was sent with, the code was used already, or the verifier does not fit.",
        _START_AGAIN + " Then run the check-up of the registration.",
    ),
    "request_refused": (
        "The provider refused the request ({error}).",
        "Read what the provider said at the failed step, and run the check-up of the registration.",
    ),
    "token_endpoint_wrong": (
        "What answered at the token endpoint is no token endpoint: a page, a redirect, or something unreadable.",
        "Compare the token endpoint with the provider's documentation; look for a proxy that answers in its place.",
    ),
    "tls_failed": ("The provider's certificate is not trusted.", "Run the check-up: it tells what is wrong with it."),
    "address_refused": (
        "An address of the provider is not one that the hub calls.",
        "It must be https at a public address. One of your own network goes into HUB_OUTBOUND_ALLOWED_HOSTS.",
    ),
    "provider_away": (
        "The provider did not answer, or said that it cannot now ({error}).",
        "Try again later. If it stays so, run the check-up.",
    ),
    "clock_skew": (
        "The ID token is from the future or already over ({error}): the provider's clock and ours differ.",
        "Run the check-up, which compares the clocks, and let time synchronisation set this machine's.",
    ),
    "id_token_foreign": (
        "The ID token does not belong to this attempt ({error}).",
        _START_AGAIN + " If it is always so, tell the provider: its ID tokens repeat the nonce wrongly, or not at all.",
    ),
    "id_token_unreadable": (
        "The ID token's signature could not be verified ({error}).",
        "Run the check-up: it reads the provider's keys. The algorithm must be one that its metadata lists.",
    ),
    "account_unknown": (
        "The provider did not say whose account it is ({error}).",
        "Compare userinfo_endpoint and the field of the account id with the provider's documentation.",
    ),
    "other_account": (
        "The person signed in to another account at the provider than the connected one.",
        "Let them sign out there first, or connect the other account as a new connection.",
    ),
    "connection_gone": ("The connection was ended while the person was away.", "Connect it anew, if it is wanted."),
    "crash": (
        "The hub itself failed ({said}).",
        "Look for the support code in the log. If it was the database, let the person start again.",
    ),
    "unexplained": (
        "It failed at a step that no case is known for ({error}).",
        "Look for the support code in the log.",
    ),
}
