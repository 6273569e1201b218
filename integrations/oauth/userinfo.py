"""Whose account is it: the userinfo endpoint (OpenID Connect Core §5.3) or what a provider has in its
place."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from integrations.oauth.errors import IdentityRefused, ProviderUnavailable, printable
from integrations.oauth.message import (
    Json,
    Response,
    at_path,
    read_json,
    refuse_unless_answered,
    retry_after,
    text_at,
)
from integrations.oauth.server import Dialect
from integrations.oauth.token import PASSING_ERRORS

SUBJECT_LIMIT = 255
CLAIM_LIMIT = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """An account at the provider: `subject` is its lasting, case-sensitive id, `label` what a person knows
    it by."""

    subject: str
    label: str
    claims: Mapping[str, str] = field(default_factory=dict, repr=False)


def judge(response: Response, *, dialect: Dialect, expected_subject: str | None = None) -> Identity:
    """Judge the answer; `expected_subject` is the id_token's (OpenID Connect Core §5.3.2).

    Raises:
        IdentityRefused: refused, no usable subject, or another one than expected (code sub_mismatch).
        ProviderUnavailable: no answer that can be read.
    """
    refuse_unless_answered(response)
    _refuse_passing_error(response, dialect)
    if response.status >= 400:
        raise IdentityRefused(f"HTTP status {response.status}.", code="userinfo_refused")
    document = read_json(response)
    if _has_error(document, dialect):
        said = text_at(document, dialect.userinfo.error_path)
        raise IdentityRefused(said, code="userinfo_refused").quoting()
    subject = _subject(document, dialect)
    if expected_subject is not None and subject != expected_subject:
        raise IdentityRefused("userinfo speaks of another account than the id_token.", code="sub_mismatch")
    return Identity(subject=subject, label=_label(document, dialect) or subject, claims=_claims(document, dialect))


def read_subject(text: str) -> str:
    """Accept a subject identifier (§2: at most 255 ASCII characters) exactly as it stands.

    Raises:
        IdentityRefused: missing (code sub_missing) or malformed (code sub_malformed).
    """
    if not text:
        raise IdentityRefused("No subject.", code="sub_missing")
    if len(text) > SUBJECT_LIMIT or not (text.isascii() and text.isprintable()):
        raise IdentityRefused("The subject is malformed.", code="sub_malformed")
    return text


def _subject(document: Json, dialect: Dialect) -> str:
    subject = read_subject(text_at(document, dialect.userinfo.subject_path))
    if not dialect.userinfo.subject_namespace_path:
        return subject
    namespace = read_subject(text_at(document, dialect.userinfo.subject_namespace_path))
    return read_subject(f"{namespace}:{subject}")


def _refuse_passing_error(response: Response, dialect: Dialect) -> None:
    """Some providers say "too many requests" or "internal error" with 400, or even with 200."""
    try:
        document = read_json(response)
    except ProviderUnavailable:
        return
    said = text_at(document, dialect.userinfo.error_path or dialect.error_path)
    error = dialect.errors.get(said, said)
    if error in PASSING_ERRORS:
        raise ProviderUnavailable(said, code=error, retry_after=retry_after(response)).quoting()


def _has_error(document: Json, dialect: Dialect) -> bool:
    if dialect.success_path and at_path(document, dialect.success_path) is False:
        return True
    return bool(dialect.userinfo.error_path and at_path(document, dialect.userinfo.error_path))


def _label(document: Json, dialect: Dialect) -> str:
    found = (printable(text_at(document, path)) for path in dialect.userinfo.label_paths)
    return next((text for text in found if text), "")


def _claims(document: Json, dialect: Dialect) -> dict[str, str]:
    paths = dialect.userinfo.claim_paths.items()
    found = {name: printable(text_at(document, path), limit=CLAIM_LIMIT) for name, path in paths}
    return {name: text for name, text in found.items() if text}
