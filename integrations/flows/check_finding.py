"""What a check-up can find, in words: one table of codes, each with how bad it is, what it means and what to do.

The codes are stable: machines branch on them, docs/troubleshooting.md explains them. Names in braces are filled in.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from integrations.oauth.errors import printable

SENTENCE_LIMIT = 400


class Level(StrEnum):
    """How bad it is. `unknown` is neither good nor bad: it could not be told."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    FAILURE = "failure"


class Meaning(NamedTuple):
    level: Level
    sentence: str
    remedy: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was found; `about` names the endpoint, host or scope it is about. Nothing in it is secret."""

    level: Level
    code: str
    sentence: str
    remedy: str
    about: str = ""


def found(code: str, *, about: str = "", **facts: object) -> Finding:
    """A finding of the table below, its words filled in; what a provider said of itself is made harmless."""
    meaning = MEANINGS[code]
    filled = {name: printable(str(value)) for name, value in facts.items()} | {"about": printable(about)}
    return Finding(
        level=meaning.level,
        code=code,
        sentence=printable(meaning.sentence.format_map(filled), limit=SENTENCE_LIMIT),
        remedy=printable(meaning.remedy.format_map(filled), limit=SENTENCE_LIMIT),
        about=filled["about"],
    )


def worst(findings: Iterable[Finding]) -> Level:
    """The level of the worst of them."""
    order = list(Level)
    return max((finding.level for finding in findings), key=order.index, default=Level.OK)


OK, UNKNOWN, WARNING, FAILURE = Level
_LATER = "Run the check-up again later. If it stays so, look at the provider's status page."
_THE_ENDPOINT = "Compare the address with the provider's documentation, and correct the registration's variables."
_CERTIFICATE = "The provider must mend its certificate; the hub refuses to connect until then. Tell whoever runs it."
_CREDENTIALS = "Copy the client ID and the client secret from the provider's registration page once more."

MEANINGS: Mapping[str, Meaning] = {
    # this machine
    "clock_synchronised": Meaning(OK, "This machine's clock is kept right ({by})."),
    "clock_not_synchronised": Meaning(
        WARNING,
        "This machine's clock is not kept right ({by}).",
        "Switch time synchronisation on, for example: timedatectl set-ntp true",
    ),
    "clock_sync_unknown": Meaning(
        UNKNOWN,
        "Whether this machine's clock is kept right cannot be told from here.",
        "Neither timedatectl nor chronyc says it. In a container, look at its host.",
    ),
    # the registration itself
    "switched_off": Meaning(WARNING, "The registration is switched off.", "Switch it on in admin when it is wanted."),
    "provider_unknown": Meaning(
        FAILURE,
        "The catalogue has no provider {provider}.",
        "Put its file back into the catalogue, or delete the registration.",
    ),
    "registration_broken": Meaning(
        FAILURE, "The registration does not fit the catalogue: {problem}", "Open it in admin, correct and save it."
    ),
    "secret_unreadable": Meaning(
        FAILURE,
        "The stored client secret cannot be opened ({problem}).",
        "Put the sealing key back that it was stored under, or enter the client secret again in admin.",
    ),
    "secret_missing": Meaning(
        FAILURE,
        "The provider expects a client secret, and none is stored.",
        "Enter the client secret in admin, or choose a public client.",
    ),
    "variables_needed": Meaning(
        UNKNOWN,
        "Each person names their own {names}; without one these cannot be checked: {endpoints}.",
        "Run the check-up with a value: --variable {first}=…",
    ),
    "redirect_uri": Meaning(OK, "The redirect URI is {uri}", "It must be registered at the provider. {comparison}"),
    # metadata
    "metadata_ok": Meaning(OK, "The issuer publishes metadata, and it names exactly this issuer: {issuer}"),
    "metadata_absent": Meaning(OK, "Metadata is not used here: the catalogue has the addresses."),
    "metadata_missing": Meaning(
        FAILURE,
        "{issuer} publishes no metadata, neither by OpenID Connect Discovery nor by RFC 8414.",
        "Compare the issuer with what the provider prints, letter for letter.",
    ),
    "metadata_unavailable": Meaning(FAILURE, "The metadata of {issuer} could not be had ({problem}).", _LATER),
    "metadata_unusable": Meaning(
        FAILURE, "The metadata of {issuer} cannot be used: {problem}", "Tell whoever runs the provider."
    ),
    "issuer_mismatch": Meaning(
        FAILURE,
        "The metadata is of another issuer ({named}) than the registration's ({issuer}).",
        "Register the hub with exactly the issuer that the provider names. A final slash counts, and so does a tenant.",
    ),
    "metadata_moved": Meaning(
        WARNING,
        "The provider's metadata now has another {about}: {now}. The hub goes on using {stored}.",
        "If the provider announced it, save the registration again with its client secret. If not, ask the provider.",
    ),
    # hosts
    "host_ok": Meaning(OK, "{about} answers; its certificate is good for {days} more days (issued by {issuer})."),
    "host_on_loopback": Meaning(OK, "{about} answers, on this machine."),
    "host_without_tls": Meaning(
        WARNING, "{about} answers, but without TLS: whoever is in between reads tokens.", "Use an https address."
    ),
    "certificate_expires_soon": Meaning(
        WARNING,
        "The certificate of {about} ends in {days} days (issued by {issuer}).",
        "Tell whoever runs it. When it ends, nothing connects and nothing is refreshed there.",
    ),
    "certificate_expired": Meaning(
        FAILURE, "The certificate of {about} ended on {ended} (issued by {issuer}).", _CERTIFICATE
    ),
    "certificate_not_yet_valid": Meaning(
        FAILURE,
        "The certificate of {about} is not valid yet (issued by {issuer}).",
        "Look at this machine's clock first. " + _CERTIFICATE,
    ),
    "certificate_wrong_name": Meaning(
        FAILURE, "The certificate of {about} is for another name (issued by {issuer}).", _CERTIFICATE
    ),
    "certificate_untrusted": Meaning(
        FAILURE,
        "The certificate of {about} leads to no authority that the hub trusts (issued by {issuer}).",
        "Often an intermediate certificate is missing on the server. " + _CERTIFICATE,
    ),
    "tls_failed": Meaning(FAILURE, "{about} does not speak TLS as it should.", "Compare the address and its port."),
    "name_not_found": Meaning(
        FAILURE, "The name of {about} is not known.", "Compare the address, and this machine's DNS."
    ),
    "connection_failed": Meaning(
        FAILURE, "{about} takes no connection.", "Compare the address, and ask whether a firewall is in between."
    ),
    "connection_timeout": Meaning(
        FAILURE, "{about} did not answer in time.", "Ask whether a firewall or a proxy is in between. " + _LATER
    ),
    "address_refused": Meaning(
        FAILURE,
        "{about} is not an address that the hub calls.",
        "It must be https at a public address. One of your own network goes into HUB_OUTBOUND_ALLOWED_HOSTS.",
    ),
    # endpoints
    "endpoint_ok": Meaning(OK, "The {about} answers: {url}"),
    "endpoint_not_found": Meaning(WARNING, "There is nothing at the {about} ({status}): {url}", _THE_ENDPOINT),
    "endpoint_failing": Meaning(WARNING, "The {about} answers with an error of its own ({status}): {url}", _LATER),
    "endpoint_busy": Meaning(UNKNOWN, "The {about} asks to slow down ({status}).", _LATER),
    "endpoint_redirects": Meaning(
        FAILURE,
        "The {about} sends on to another address ({status}), which the hub does not follow: {url}",
        _THE_ENDPOINT,
    ),
    "endpoint_unreachable": Meaning(FAILURE, "The {about} could not be reached ({problem}): {url}", _LATER),
    "endpoint_not_checked": Meaning(
        UNKNOWN, "The {about} was not checked, since its host does not answer.", "Mend the host first."
    ),
    "keys_ok": Meaning(OK, "The provider's keys can be read; of use for signatures: {count}."),
    "keys_unusable": Meaning(
        FAILURE,
        "The provider's keys cannot be read, so nobody can be identified: {url}",
        "Compare jwks_uri in the provider's metadata with its documentation.",
    ),
    # the client
    "client_accepted": Meaning(
        OK, "The provider accepts the client: it looked at a made-up code, and refused that ({said})."
    ),
    "client_refused": Meaning(
        FAILURE,
        "The provider does not accept the client's ID, secret or way of authenticating ({said}).",
        _CREDENTIALS + " Then compare the authentication method.",
    ),
    "client_not_allowed": Meaning(
        FAILURE,
        "The provider knows the client and does not let it use authorization codes ({said}).",
        "Allow the authorization code grant for this client at the provider, and see that it is not suspended.",
    ),
    "redirect_uri_refused": Meaning(
        FAILURE,
        "The provider does not know the redirect URI ({said}).",
        "Register it at the provider, byte for byte: {uri}",
    ),
    "client_undecided": Meaning(
        UNKNOWN,
        "Whether the provider accepts the client cannot be told from its answer ({said}).",
        "Connect an account of your own, and look at the attempt in admin.",
    ),
    "made_up_code_taken": Meaning(
        WARNING,
        "The provider gave a token for a made-up code. It was thrown away.",
        "Do not use this provider before whoever runs it has explained that.",
    ),
    "auth_method_ok": Meaning(OK, "The hub authenticates by {method}, which the provider lists."),
    "auth_method_not_listed": Meaning(
        WARNING,
        "The hub authenticates by {method}; the provider lists {listed}.",
        "Choose a listed method in the registration, if the provider refuses the client.",
    ),
    "pkce_ok": Meaning(OK, "PKCE with S256 is used, and the provider offers it."),
    "pkce_untold": Meaning(OK, "PKCE with S256 is used; the provider publishes no list of methods."),
    "pkce_off_here": Meaning(OK, "PKCE is not used: the catalogue says that this provider has none for our kind."),
    "pkce_not_offered": Meaning(
        FAILURE,
        "The provider does not offer PKCE with S256 ({listed}), so nobody can connect.",
        "Ask the provider for it. Only if it has none, choose “Without PKCE” in the registration.",
    ),
    "pkce_switched_off": Meaning(
        WARNING, "The registration goes without PKCE, by an operator's choice.", "Switch it off if the provider has it."
    ),
    "pkce_unused": Meaning(
        WARNING, "The provider offers PKCE with S256, and the registration goes without.", "Let the hub use it."
    ),
    # scope
    "scope_ok": Meaning(OK, "The scope is well formed (tokens: {count}), and its parts are separated by {separator}."),
    "scope_delimiter": Meaning(
        WARNING,
        "The extra scope {about} holds a comma or semicolon: it is sent as one token.",
        "Put blanks between tokens of the extra scope. The hub writes the provider's own separator.",
    ),
    "scope_malformed": Meaning(
        FAILURE,
        "The extra scope {about} holds characters that a scope cannot have (RFC 6749 section 3.3).",
        "Correct the extra scope in the registration.",
    ),
    "scope_repeated": Meaning(
        WARNING, "The extra scope {about} is asked for anyway, or stands there twice.", "Take it out."
    ),
    "scope_blank": Meaning(
        WARNING, "The extra scope has blanks at an end, or several in a row.", "Save it with single blanks between."
    ),
    "scope_not_listed": Meaning(
        WARNING,
        "The provider does not list scope that features ask for: {about}.",
        "Providers may leave scope out of their lists. If connecting ends in invalid_scope, this is why.",
    ),
    # clocks
    "provider_clock_ok": Meaning(OK, "The provider's clock and ours agree within {seconds} s."),
    "provider_clock_near": Meaning(
        WARNING,
        "The provider's clock is {seconds} s {way} ours; at {limit} s sign-ins fail.",
        "See that this machine's clock is kept right.",
    ),
    "provider_clock_off": Meaning(
        FAILURE,
        "The provider's clock is {seconds} s {way} ours.",
        "Set this machine's clock right. If other providers agree with it, the provider's is wrong.",
    ),
    "provider_clock_unknown": Meaning(UNKNOWN, "The provider does not say what time it has."),
    # the check-up
    "out_of_time": Meaning(UNKNOWN, "The check-up took too long; {about} was not checked.", _LATER),
    "interrupted": Meaning(UNKNOWN, "The check-up was stopped before this.", "Run it again."),
    "check_failed": Meaning(
        UNKNOWN, "The check-up itself failed here ({problem}).", "The hub's log has the details. Report it."
    ),
}
