"""OpenID Connect Core §5.3: userinfo, and what other providers have in its place."""

from typing import Any

import pytest

from integrations.oauth.errors import IdentityRefused, OAuthError, ProviderUnavailable
from integrations.oauth.server import Dialect, Userinfo
from integrations.oauth.userinfo import Identity
from tests.oauth.making import make_client, make_response

# The example of §5.3.2.
EXAMPLE = {
    "sub": "248289761001",
    "name": "Jane Doe",
    "given_name": "Jane",
    "family_name": "Doe",
    "preferred_username": "j.doe",
    "email": "janedoe@example.com",
    "picture": "http://example.com/janedoe/me.jpg",
}


def judge(body: object, *, dialect: Dialect | None = None, sub: str | None = None, **options: Any) -> Identity:
    return make_client(dialect=dialect).judge_userinfo(make_response(body, **options), expected_subject=sub)


def test_the_example_of_section_5_3_2() -> None:
    identity = judge(EXAMPLE, sub="248289761001")

    assert (identity.subject, identity.label) == ("248289761001", "janedoe@example.com")
    assert identity.claims["picture"] == "http://example.com/janedoe/me.jpg"


@pytest.mark.requirement(56)
@pytest.mark.parametrize("sub", ["248289761002", "", "248289761001 ", "Jane"])
def test_another_subject_than_the_id_tokens_is_refused(sub: str) -> None:
    with pytest.raises(IdentityRefused) as caught:
        judge(EXAMPLE, sub=sub)

    assert caught.value.code == "sub_mismatch"


@pytest.mark.requirement(23, 56)
def test_subjects_are_compared_with_case() -> None:
    with pytest.raises(IdentityRefused):
        judge({"sub": "Jane"}, sub="jane")


@pytest.mark.requirement(56)
@pytest.mark.parametrize("sub", [None, "", True, False, 1.5, ["a"], {"a": 1}, "a\nb", "x" * 256, "ü"])
def test_a_subject_that_cannot_be_one_is_refused(sub: object) -> None:
    with pytest.raises(IdentityRefused):
        judge({**EXAMPLE, "sub": sub})


def test_a_dialect_says_where_the_account_stands() -> None:
    linear = Dialect(
        userinfo=Userinfo(subject_path="data.viewer.id", label_paths=("data.viewer.email",), error_path="errors")
    )
    first = Dialect(userinfo=Userinfo(subject_path="0.id", label_paths=("0.name",)))

    assert judge({"data": {"viewer": {"id": 7, "email": "a@b.example"}}}, dialect=linear).subject == "7"
    assert judge([{"id": "x", "name": "N"}], dialect=first) == Identity(subject="x", label="N")
    with pytest.raises(IdentityRefused):
        judge({"errors": [{"message": "no"}], "data": {"viewer": {"id": 7}}}, dialect=linear)
    with pytest.raises(IdentityRefused):
        judge({"ok": False, "sub": "1"}, dialect=Dialect(success_path="ok"))


@pytest.mark.requirement(47)
def test_names_are_made_harmless_and_a_missing_one_is_the_subject() -> None:
    identity = judge({"sub": "1", "email": "", "name": "A\u202eB\x00\r\nC" + "x" * 999, "picture": "javascript:1"})

    assert identity.label == ("AB C" + "x" * 999)[:200]
    assert judge({"sub": "1"}).label == "1"


@pytest.mark.requirement(46)
@pytest.mark.parametrize("status", [302, 307, 500, 503, 429])
def test_no_answer_is_a_passing_failure(status: int) -> None:
    with pytest.raises(ProviderUnavailable):
        judge(EXAMPLE, status=status)


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [(EXAMPLE, 401, IdentityRefused), (b"<html>", 200, ProviderUnavailable), (b"", 200, ProviderUnavailable)],
)
def test_a_refusal_or_a_page_is_no_identity(body: object, status: int, kind: type[OAuthError]) -> None:
    with pytest.raises(kind):
        judge(body, status=status)
