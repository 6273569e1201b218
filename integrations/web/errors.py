"""From an error's code and remedy to what a person reads: what happened, and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from integrations.oauth.errors import OAuthError, Remedy, printable

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise

STATUS_OF_REMEDY: Mapping[Remedy, int] = {
    Remedy.RETRY: 503,
    Remedy.REAUTHORIZE: 409,
    Remedy.OPERATOR: 502,
}
RETRY_AFTER_SECONDS = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentences:
    """A title, what happened, what that changed, what to do, to be translated; `{provider}` is filled in."""

    title: "StrPromise"
    happened: "StrPromise"
    changed: "StrPromise"
    todo: "StrPromise"


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """Sentences in the reader's language, about one provider."""

    title: str
    happened: str
    changed: str
    todo: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation(Said):
    """Sentences for one error, the HTTP status it has, what the provider said and what the hub adds for support."""

    code: str
    status: int
    quotation: str
    detail: str
    for_operator: bool
    redirect_uri_suspected: bool


START_AGAIN = _("Start again from here. Use this browser until you are back.")
NOTHING_CHANGED = _("Nothing was connected, and nothing you had connected before has changed.")
KEPT = _("What you had connected before is kept.")
CONNECTION_KEPT = _("The connection was not changed.")
ASK_OPERATOR = _("Tell an operator of this hub. They find the details below and in the hub's log.")

BY_REMEDY: Mapping[Remedy, Sentences] = {
    Remedy.RETRY: Sentences(
        title=_("{provider} is not answering"),
        happened=_("The hub asked {provider} and got no usable answer."),
        changed=KEPT,
        todo=_("Wait a few minutes, then try again."),
    ),
    Remedy.REAUTHORIZE: Sentences(
        title=_("That did not work"),
        happened=_("The answer from {provider} could not be trusted, so the hub did not use it."),
        changed=NOTHING_CHANGED,
        todo=START_AGAIN,
    ),
    Remedy.OPERATOR: Sentences(
        title=_("An operator must look at this"),
        happened=_("{provider} and this hub do not fit together as they are set up now."),
        changed=NOTHING_CHANGED,
        todo=ASK_OPERATOR,
    ),
}

_STALE = Sentences(
    title=_("This way back is not valid"),
    happened=_(
        "You came back from {provider} with an answer that no attempt here is waiting for. It may have been used "
        "already, or it was not made for you."
    ),
    changed=NOTHING_CHANGED,
    todo=_("If somebody sent you the link, do not use it. Start again from here. Use this browser until you are back."),
)
_NOT_THE_PROVIDER = Sentences(
    title=_("The answer is not from {provider}"),
    happened=_("The answer names another sender than {provider}. The hub did not use it."),
    changed=NOTHING_CHANGED,
    todo=_("Start again from here. If it happens again, tell an operator of this hub."),
)
_OUR_ACCESS_THERE = Sentences(
    title=_("{provider} does not accept this hub"),
    happened=_("{provider} refused the hub's client ID or client secret."),
    changed=NOTHING_CHANGED,
    todo=_("You cannot mend this. Tell an operator of this hub. They find the details below and in the hub's log."),
)
_REDIRECT_URI = Sentences(
    title=_("{provider} did not accept the request"),
    happened=_("{provider} refused what the hub sent. Often the redirect URI registered there is not the hub's."),
    changed=NOTHING_CHANGED,
    todo=_("You cannot mend this. Tell an operator of this hub. They find the details below and in the hub's log."),
)
_IDENTITY = Sentences(
    title=_("{provider} did not say clearly who you are"),
    happened=_("The hub could not verify which account you signed in to at {provider}."),
    changed=NOTHING_CHANGED,
    todo=_("Start again from here. If it happens again, tell an operator of this hub."),
)

BY_CODE: Mapping[str, Sentences] = {
    "access_denied": Sentences(
        title=_("You did not allow access"),
        happened=_("You, or a rule of your organisation, said no at {provider}."),
        changed=NOTHING_CHANGED,
        todo=_("If you did not mean to, start again and allow access at {provider}."),
    ),
    "state_missing": _STALE,
    "state_mismatch": _STALE,
    "attempt_unknown": _STALE,
    "duplicate_parameter": _STALE,
    "code_missing": _STALE,
    "code_malformed": _STALE,
    "other_registration": _STALE,
    "attempt_expired": Sentences(
        title=_("That took too long"),
        happened=_("You have 10 minutes to come back from {provider}, and they were over."),
        changed=NOTHING_CHANGED,
        todo=START_AGAIN,
    ),
    "other_user": Sentences(
        title=_("Somebody else started this"),
        happened=_("Another person who uses this hub started connecting {provider}; only they can finish it."),
        changed=NOTHING_CHANGED,
        todo=_("If somebody sent you a link, do not use it. To connect your own account, start from here."),
    ),
    "other_browser": Sentences(
        title=_("You started in another browser"),
        happened=_("Connecting {provider} was started in another browser, or before you last signed in."),
        changed=NOTHING_CHANGED,
        todo=START_AGAIN,
    ),
    "other_account": Sentences(
        title=_("That is another account"),
        happened=_("You came back from {provider} as another account than the one this connection is for."),
        changed=CONNECTION_KEPT,
        todo=_(
            "To keep this connection, sign out at {provider}, then start again with its own account. To add the "
            "other account, connect it as a new one."
        ),
    ),
    "connection_gone": Sentences(
        title=_("It was disconnected meanwhile"),
        happened=_("The connection was disconnected while you were at {provider}, so the answer was not used."),
        changed=_("It stays disconnected; the hub holds nothing of it."),
        todo=_("To use {provider} again, connect it anew."),
    ),
    "disconnected": Sentences(
        title=_("This is disconnected"),
        happened=_("The connection was disconnected, and its tokens were deleted."),
        changed=_("It stays disconnected; the hub holds nothing of it."),
        todo=_("To use {provider} again, connect it anew."),
    ),
    "registration_disabled": Sentences(
        title=_("{provider} is switched off"),
        happened=_(
            "An operator has switched {provider} off in this hub. Nothing starts, and nothing is used, until it "
            "is on again."
        ),
        changed=_("Your connections are kept."),
        todo=_("Ask an operator of this hub when it will be back."),
    ),
    "needs_reauthorization": Sentences(
        title=_("{provider} needs you"),
        happened=_(
            "{provider} no longer accepts the access you gave. This happens when it expires, or when you or "
            "{provider} took it back."
        ),
        changed=_("What you allowed is remembered."),
        todo=_("Reconnect the account."),
    ),
    "invalid_grant": Sentences(
        title=_("{provider} took the access back"),
        happened=_("What you brought from {provider} is used up, expired, or was taken back."),
        changed=KEPT,
        todo=START_AGAIN,
    ),
    "insufficient_scope": Sentences(
        title=_("You have not allowed this yet"),
        happened=_("The connection to {provider} works, but it does not include this."),
        changed=CONNECTION_KEPT,
        todo=_("Enable the feature on the page of the connection."),
    ),
    "not_connected": Sentences(
        title=_("{provider} is not connected"),
        happened=_("You have no connection to {provider} that can be used for this."),
        changed=_("Nothing was changed."),
        todo=_("Connect it first."),
    ),
    "owner_inactive": Sentences(
        title=_("This account is not active"),
        happened=_("The person this connection belongs to cannot use the hub at the moment."),
        changed=CONNECTION_KEPT,
        todo=ASK_OPERATOR,
    ),
    "iss_mismatch": _NOT_THE_PROVIDER,
    "iss_missing": _NOT_THE_PROVIDER,
    "invalid_client": _OUR_ACCESS_THERE,
    "unauthorized_client": _OUR_ACCESS_THERE,
    "redirect_uri_mismatch": _REDIRECT_URI,
    "invalid_redirect_uri": _REDIRECT_URI,
    "invalid_request": _REDIRECT_URI,
    "invalid_scope": Sentences(
        title=_("{provider} does not offer this"),
        happened=_("The hub asked {provider} for more than it is set up to give."),
        changed=NOTHING_CHANGED,
        todo=_("Start again with fewer features, or tell an operator of this hub."),
    ),
    "identity_refused": _IDENTITY,
    "sub_missing": _IDENTITY,
    "sub_mismatch": _IDENTITY,
    "rate_limited": Sentences(
        title=_("{provider} is busy"),
        happened=_("{provider} asked the hub to slow down."),
        changed=KEPT,
        todo=_("Wait a few minutes, then try again."),
    ),
    "rotation_uncertain": Sentences(
        title=_("Access is being renewed"),
        happened=_("The hub was interrupted while it renewed the access to {provider}."),
        changed=_("The connection is kept."),
        todo=_("Wait a minute, then try again."),
    ),
}
_REDIRECT_URI_CODES = frozenset(code for code, sentences in BY_CODE.items() if sentences is _REDIRECT_URI)


def explain(error: OAuthError, *, provider: str) -> Explanation:
    """Put an error into words for the person in front of the page; `provider` is its name."""
    said = _say(BY_CODE.get(error.code, BY_REMEDY[error.remedy]), provider=provider or gettext("the provider"))
    return Explanation(
        title=said.title,
        happened=said.happened,
        changed=said.changed,
        todo=said.todo,
        code=error.code,
        status=STATUS_OF_REMEDY[error.remedy],
        quotation=printable(error.description) if error.said_by_provider else "",
        detail="" if error.said_by_provider else printable(error.description),
        for_operator=error.remedy is Remedy.OPERATOR or error.code in _REDIRECT_URI_CODES,
        redirect_uri_suspected=error.code in _REDIRECT_URI_CODES,
    )


def sentences_of(code: str, *, provider: str) -> Said | None:
    """What a stored error code means; None without a code, or for one that has no words of its own."""
    sentences = BY_CODE.get(code)
    return _say(sentences, provider=provider) if sentences else None


def _say(sentences: Sentences, *, provider: str) -> Said:
    return Said(
        title=_filled(sentences.title, provider),
        happened=_filled(sentences.happened, provider),
        changed=_filled(sentences.changed, provider),
        todo=_filled(sentences.todo, provider),
    )


def _filled(sentence: "StrPromise", provider: str) -> str:
    text = str(sentence).replace("{provider}", provider)
    return text[:1].upper() + text[1:]
