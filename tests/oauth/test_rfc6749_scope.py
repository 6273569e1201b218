"""RFC 6749 §3.3 and §5.1: scope."""

import pytest

from integrations.oauth.scope import compare_scope, read_scope


@pytest.mark.parametrize(
    ("value", "separator", "expected"),
    [
        ("a b", "", {"a", "b"}),
        ("b a a", "", {"a", "b"}),
        ("a,b;c  d", "", {"a", "b", "c", "d"}),
        ("a,b", ",", {"a", "b"}),
        ("a, b", ",", {"a", "b"}),
        ("a,b c", " ", {"a,b", "c"}),
        (["a", "b", 3, None], "", {"a", "b"}),
        ("", "", set()),
        ([], "", set()),
        (
            "https://www.googleapis.com/auth/drive.file openid",
            "",
            {"https://www.googleapis.com/auth/drive.file", "openid"},
        ),
        (None, "", None),
        (7, "", None),
        ({"a": 1}, "", None),
    ],
)
def test_a_scope_is_a_set_whatever_it_was_written_as(value: object, separator: str, expected: object) -> None:
    assert read_scope(value, separator=separator) == expected  # type: ignore[arg-type]


@pytest.mark.requirement(47)
def test_what_is_not_a_scope_token_is_dropped() -> None:
    assert read_scope('a <b> "c" d\u202e \x00e \u00fc ' + "x" * 301) == frozenset({"a", "<b>"})


def test_the_providers_spelling_is_turned_into_ours() -> None:
    assert read_scope("https://p.example/email b", aliases={"https://p.example/email": "email"}) == frozenset(
        {"email", "b"}
    )


@pytest.mark.requirement(39)
def test_absent_scope_is_as_requested_and_a_smaller_one_is_noticed() -> None:
    assert compare_scope(frozenset("ab"), None).missing == frozenset()
    assert compare_scope(frozenset("ab"), None).granted == frozenset("ab")
    assert compare_scope(frozenset("ab"), frozenset("a")).missing == frozenset("b")


@pytest.mark.requirement(40)
def test_scope_that_nobody_asked_for_is_noticed() -> None:
    difference = compare_scope(frozenset("a"), frozenset("ab"))

    assert (difference.unrequested, difference.missing) == (frozenset("b"), frozenset())
