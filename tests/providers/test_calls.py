"""Which calls of an API belong to a feature, and what a line of the catalogue may say."""

import tomllib
from importlib.resources import files
from urllib.parse import urlsplit

import pytest

from integrations.providers import PROVIDERS, CatalogueError, Feature, Provider, parse
from integrations.providers.calls import fault_of, pattern

LINES = [
    (provider, feature, line)
    for provider in PROVIDERS.values()
    for feature in provider.features
    for line in feature.calls
]


@pytest.mark.parametrize(
    ("line", "method", "path", "covered"),
    [
        ("GET /notes", "GET", "/notes", True),
        ("GET /notes", "HEAD", "/notes", True),
        ("GET /notes", "POST", "/notes", False),
        ("GET /notes", "GET", "/notes/1", False),
        ("GET /notes", "GET", "/notesx", False),
        ("GET /notes", "GET", "/notes/", False),
        ("GET /notes", "GET", "/NOTES", False),
        ("GET /notes", "GET", "/notes;x", False),
        ("GET /notes/*", "GET", "/notes/1", True),
        ("GET /notes/*", "GET", "/notes/", False),
        ("GET /notes/*", "GET", "/notes", False),
        ("GET /notes/*", "GET", "/notes/1/2", False),
        ("GET /notes/*", "GET", "/notes/a%2Fb", False),
        ("GET /notes/*/tags", "GET", "/notes/1/tags", True),
        ("GET /notes/*/tags", "GET", "/notes/1/2/tags", False),
        ("GET /notes/**", "GET", "/notes/1/2", True),
        ("GET /notes/**", "GET", "/notes", False),
        ("GET /notes/**", "GET", "/notes/", False),
        ("GET /notes/**", "GET", "/", False),
    ],
)
def test_what_a_line_covers(line: str, method: str, path: str, covered: bool) -> None:
    assert not fault_of(line)
    assert pattern(line).covers(method, path) is covered


@pytest.mark.parametrize(
    "line",
    [
        "GET",
        "/notes",
        "get /notes",
        "TRACE /notes",
        "* /notes",
        "GET notes",
        "GET  /notes",
        "GET /notes?x=1",
        "GET /a b",
        "GET /**",
        "GET /a/**/b",
        "GET /a*",
        "GET /{name}",
        "GET //a",
        "GET ",
        "GET /a%2Fb",
        "GET https://a/b",
    ],
)
def test_line_that_says_nothing_clear_is_refused_with_its_file(line: str) -> None:
    entry = tomllib.loads(files("integrations.providers").joinpath("catalog", "sandbox.toml").read_text())
    entry["features"][0]["calls"] = [line]
    with pytest.raises(CatalogueError, match=r"catalog/sandbox\.toml\.features\.profile: .*GET|method"):
        parse(entry, "sandbox")


@pytest.mark.parametrize(
    ("provider", "feature", "line"), LINES, ids=[f"{entry.slug}:{line}" for entry, _, line in LINES]
)
def test_every_line_is_below_the_api_and_read_by_features_that_read(
    provider: Provider, feature: Feature, line: str
) -> None:
    assert not fault_of(line)
    if feature.slug.endswith(".read"):
        assert line.startswith("GET ") or line == "POST /calendar/v3/freeBusy"


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=list(PROVIDERS))
def test_feature_that_can_be_tried_may_make_the_call_that_tries_it(provider: Provider) -> None:
    for feature in provider.features:
        if feature.calls and feature.test_path:
            path = urlsplit(feature.test_path).path
            assert provider.allows([feature.slug], method="GET", path=path), feature.slug


def test_minimum_of_a_provider_whose_account_call_shows_no_more_is_that_call() -> None:
    for slug in ("sandbox", "google", "github", "gitlab", "microsoft", "zoom"):
        provider = PROVIDERS[slug]
        assert provider.minimum.calls == (f"GET {provider.test_path}",)


def test_feature_allows_nothing_of_another() -> None:
    google = PROVIDERS["google"]
    assert google.allows(["mail.send"], method="POST", path="/gmail/v1/users/me/messages/send")
    assert not google.allows(["mail.send"], method="GET", path="/gmail/v1/users/me/messages")
    assert not google.allows([], method="GET", path="/oauth2/v3/userinfo")
