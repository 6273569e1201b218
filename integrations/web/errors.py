"""From an error's code and remedy to what a person reads: what happened, and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass

from integrations.oauth.errors import OAuthError, Remedy, printable

STATUS_OF_REMEDY: Mapping[Remedy, int] = {
    Remedy.RETRY: 503,
    Remedy.REAUTHORIZE: 409,
    Remedy.OPERATOR: 502,
}
RETRY_AFTER_SECONDS = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentences:
    """A title, what happened, what to do; `{provider}` is filled in."""

    title: str
    happened: str
    todo: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation(Sentences):
    """Sentences for one error, the HTTP status it has, what the provider said and what the hub adds for support."""

    code: str
    status: int
    quotation: str
    detail: str
    for_operator: bool
    redirect_uri_suspected: bool


START_AGAIN = "Start again from here. Use this browser until you are back."
NOTHING_CHANGED = "Nothing was connected, and nothing you had connected before has changed."
ASK_OPERATOR = "Tell an operator of this hub. They find the details below and in the hub's log."

BY_REMEDY: Mapping[Remedy, Sentences] = {
    Remedy.RETRY: Sentences(
        title="{provider} is not answering",
        happened="The hub asked {provider} and got no usable answer. What you had connected before is kept.",
        todo="Wait a few minutes, then try again.",
    ),
    Remedy.REAUTHORIZE: Sentences(
        title="That did not work",
        happened="The answer from {provider} could not be trusted, so the hub did not use it. " + NOTHING_CHANGED,
        todo=START_AGAIN,
    ),
    Remedy.OPERATOR: Sentences(
        title="An operator must look at this",
        happened="{provider} and this hub do not fit together as they are set up now. " + NOTHING_CHANGED,
        todo=ASK_OPERATOR,
    ),
}

_STALE = Sentences(
    title="This way back is not valid",
    happened="You came back from {provider} with an answer that no attempt here is waiting for. It may have been used "
    "already, or it was not made for you. " + NOTHING_CHANGED,
    todo="If somebody sent you the link, do not use it. " + START_AGAIN,
)
_NOT_THE_PROVIDER = Sentences(
    title="The answer is not from {provider}",
    happened="The answer names another sender than {provider}. The hub did not use it. " + NOTHING_CHANGED,
    todo="Start again from here. If it happens again, tell an operator of this hub.",
)
_OUR_ACCESS_THERE = Sentences(
    title="{provider} does not accept this hub",
    happened="{provider} refused the hub's client ID or client secret. " + NOTHING_CHANGED,
    todo="You cannot mend this. " + ASK_OPERATOR,
)
_REDIRECT_URI = Sentences(
    title="{provider} did not accept the request",
    happened="{provider} refused what the hub sent. Often the redirect URI registered there is not the hub's. "
    + NOTHING_CHANGED,
    todo="You cannot mend this. " + ASK_OPERATOR,
)
_IDENTITY = Sentences(
    title="{provider} did not say clearly who you are",
    happened="The hub could not verify which account you signed in to at {provider}. " + NOTHING_CHANGED,
    todo="Start again from here. If it happens again, tell an operator of this hub.",
)

BY_CODE: Mapping[str, Sentences] = {
    "access_denied": Sentences(
        title="You did not allow access",
        happened="You, or a rule of your organisation, said no at {provider}. " + NOTHING_CHANGED,
        todo="If you did not mean to, start again and allow access at {provider}.",
    ),
    "state_missing": _STALE,
    "state_mismatch": _STALE,
    "attempt_unknown": _STALE,
    "duplicate_parameter": _STALE,
    "code_missing": _STALE,
    "code_malformed": _STALE,
    "other_registration": _STALE,
    "attempt_expired": Sentences(
        title="That took too long",
        happened="You have 10 minutes to come back from {provider}, and they were over. " + NOTHING_CHANGED,
        todo=START_AGAIN,
    ),
    "other_user": Sentences(
        title="Somebody else started this",
        happened="Another person who uses this hub started connecting {provider}; only they can finish it. "
        + NOTHING_CHANGED,
        todo="If somebody sent you a link, do not use it. To connect your own account, start from here.",
    ),
    "other_browser": Sentences(
        title="You started in another browser",
        happened="Connecting {provider} was started in another browser, or before you last signed in. "
        + NOTHING_CHANGED,
        todo=START_AGAIN,
    ),
    "other_account": Sentences(
        title="That is another account",
        happened="You came back from {provider} as another account than the one this connection is for. "
        "The connection was not changed.",
        todo="To keep this connection, sign out at {provider}, then start again with its own account. "
        "To add the other account, connect it as a new one.",
    ),
    "connection_gone": Sentences(
        title="It was disconnected meanwhile",
        happened="The connection was disconnected while you were at {provider}, so the answer was not used.",
        todo="To use {provider} again, connect it anew.",
    ),
    "disconnected": Sentences(
        title="This is disconnected",
        happened="The connection was disconnected; the hub holds nothing of it any more.",
        todo="To use {provider} again, connect it anew.",
    ),
    "registration_disabled": Sentences(
        title="{provider} is switched off",
        happened="An operator has switched {provider} off in this hub. Nothing starts, and nothing is used, until it "
        "is on again. Your connections are kept.",
        todo="Ask an operator of this hub when it will be back.",
    ),
    "needs_reauthorization": Sentences(
        title="{provider} needs you",
        happened="{provider} no longer accepts the access you gave. This happens when it expires, or when you or "
        "{provider} took it back.",
        todo="Reconnect the account.",
    ),
    "invalid_grant": Sentences(
        title="{provider} took the access back",
        happened="What you brought from {provider} is used up, expired, or was taken back.",
        todo=START_AGAIN,
    ),
    "insufficient_scope": Sentences(
        title="You have not allowed this yet",
        happened="The connection to {provider} works, but it does not include this.",
        todo="Enable the feature on the page of the connection.",
    ),
    "not_connected": Sentences(
        title="{provider} is not connected",
        happened="You have no connection to {provider} that can be used for this.",
        todo="Connect it first.",
    ),
    "owner_inactive": Sentences(
        title="This account is not active",
        happened="The person this connection belongs to cannot use the hub at the moment.",
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
        title="{provider} does not offer this",
        happened="The hub asked {provider} for more than it is set up to give. " + NOTHING_CHANGED,
        todo="Start again with fewer features, or tell an operator of this hub.",
    ),
    "identity_refused": _IDENTITY,
    "sub_missing": _IDENTITY,
    "sub_mismatch": _IDENTITY,
    "rate_limited": Sentences(
        title="{provider} is busy",
        happened="{provider} asked the hub to slow down. What you had connected before is kept.",
        todo="Wait a few minutes, then try again.",
    ),
    "rotation_uncertain": Sentences(
        title="Access is being renewed",
        happened="The hub was interrupted while it renewed the access to {provider}.",
        todo="Wait a minute, then try again.",
    ),
}
_REDIRECT_URI_CODES = frozenset(code for code, sentences in BY_CODE.items() if sentences is _REDIRECT_URI)


def explain(error: OAuthError, *, provider: str) -> Explanation:
    """Put an error into words for the person in front of the page; `provider` is its name."""
    sentences = BY_CODE.get(error.code, BY_REMEDY[error.remedy])
    name = provider or "the provider"
    return Explanation(
        title=_filled(sentences.title, name),
        happened=_filled(sentences.happened, name),
        todo=_filled(sentences.todo, name),
        code=error.code,
        status=STATUS_OF_REMEDY[error.remedy],
        quotation=printable(error.description) if error.said_by_provider else "",
        detail="" if error.said_by_provider else printable(error.description),
        for_operator=error.remedy is Remedy.OPERATOR or error.code in _REDIRECT_URI_CODES,
        redirect_uri_suspected=error.code in _REDIRECT_URI_CODES,
    )


def sentences_of(code: str, *, provider: str) -> Sentences | None:
    """What a stored error code means; None without a code, or for one that has no words of its own."""
    sentences = BY_CODE.get(code)
    if sentences is None:
        return None
    return Sentences(
        title=_filled(sentences.title, provider),
        happened=_filled(sentences.happened, provider),
        todo=_filled(sentences.todo, provider),
    )


def _filled(sentence: str, provider: str) -> str:
    text = sentence.replace("{provider}", provider)
    return text[:1].upper() + text[1:]
