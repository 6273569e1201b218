"""Every error has words: what happened, and what to do."""

import pytest

from integrations.flows.errors import ConnectionUnusable, ConnectRefused
from integrations.oauth.errors import OAuthError, ProviderUnavailable, Remedy, RequestRefused
from integrations.web.errors import BY_CODE, BY_REMEDY, explain, sentences_of


@pytest.mark.parametrize("remedy", list(Remedy))
def test_an_unknown_code_is_explained_by_its_remedy(remedy: Remedy) -> None:
    error = OAuthError("", code="something_new")
    error.remedy = remedy

    explanation = explain(error, provider="Sandbox")

    assert explanation.title == BY_REMEDY[remedy].title.replace("{provider}", "Sandbox")
    assert explanation.status in (409, 502, 503)


@pytest.mark.parametrize("sentences", [*BY_CODE.values(), *BY_REMEDY.values()], ids=str)
def test_sentences_are_whole_and_fill_only_the_provider(sentences: object) -> None:
    for text in (sentences.happened, sentences.changed, sentences.todo):  # type: ignore[attr-defined]
        assert text.endswith(".")
        assert not set(text.replace("{provider}", "")) & set("{}")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConnectRefused(code="other_user"), 409),
        (ProviderUnavailable(code="timeout"), 503),
        (RequestRefused(code="invalid_scope"), 502),
        (ConnectionUnusable(code="registration_disabled", remedy=Remedy.OPERATOR), 502),
    ],
)
def test_the_status_follows_the_remedy(error: OAuthError, status: int) -> None:
    assert explain(error, provider="Sandbox").status == status


def test_a_sentence_that_begins_with_an_unnamed_provider_is_capitalised() -> None:
    assert explain(ProviderUnavailable(), provider="").title == "The provider is not answering"


def test_a_stored_code_without_words_is_left_out() -> None:
    assert sentences_of("", provider="Sandbox") is None
    assert sentences_of("rate_limited", provider="Sandbox") is not None
