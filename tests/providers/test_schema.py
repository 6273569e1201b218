"""A wrong entry is refused, and the message names the file and the field."""

import copy
import tomllib
from collections.abc import Callable
from dataclasses import fields
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from integrations.oauth.server import AuthorizationServer, Dialect, Revocation, Userinfo
from integrations.providers import CatalogueError, Feature, Lookup, Provider, Variable, parse

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "providers.md"
WRITTEN_ELSEWHERE = {"slug", "server", "token_endpoint_auth_methods_supported"}

type Change = Callable[[dict[str, Any]], object]


def gitlab() -> dict[str, Any]:
    return tomllib.loads(files("integrations.providers").joinpath("catalog", "gitlab.toml").read_text())


CASES: dict[str, tuple[Change, str]] = {
    "unknown field": (lambda d: d.update(colour="red"), "gitlab.toml.colour: unknown field"),
    "unknown server field": (
        lambda d: d["server"].update(token_url="x"),
        "gitlab.toml.server.token_url: unknown field",
    ),
    "unknown quirk": (
        lambda d: d["server"]["dialect"].update(oddity=1),
        "gitlab.toml.server.dialect.oddity: unknown field",
    ),
    "unknown userinfo field": (
        lambda d: d["server"]["dialect"]["userinfo"].update(path="id"),
        "server.dialect.userinfo.path: unknown field",
    ),
    "missing name": (lambda d: d.pop("name"), "gitlab.toml.name: missing"),
    "missing endpoint": (lambda d: d["server"].pop("token_endpoint"), "server.token_endpoint: missing"),
    "slug within": (lambda d: d.update(slug="gitlab"), "gitlab.toml.slug"),
    "wrong type": (lambda d: d.update(name=1), "gitlab.toml.name: must be str, is int"),
    "date as text": (lambda d: d.update(checked="2026-11-23"), "gitlab.toml.checked: must be date"),
    "bool for int": (
        lambda d: d["server"]["dialect"].update(keepalive_days=True),
        "keepalive_days: must be int, is bool",
    ),
    "text for a list": (lambda d: d["features"][0].update(scope="api"), "features[0].scope: must be a list"),
    "unknown choice": (
        lambda d: d["server"]["dialect"].update(pkce="sometimes"),
        "server.dialect.pkce: must be one of required, unsupported",
    ),
    "unknown kind": (lambda d: d["variables"][0].update(kind="ip"), "variables[0].kind: must be one of"),
    "unknown category": (lambda d: d.update(categories=["fun"]), "gitlab.toml.categories"),
    "no category": (lambda d: d.update(categories=[]), "gitlab.toml.categories"),
    "plain http": (
        lambda d: d["server"].update(token_endpoint="http://{host}/oauth/token"),
        "gitlab.toml.server: 'http://{host}/oauth/token' must begin with https://",
    ),
    "plain documentation": (lambda d: d.update(documentation_url="http://x.example"), "documentation_url"),
    "unknown variable": (
        lambda d: d["server"].update(token_endpoint="https://{hots}/oauth/token"),
        "gitlab.toml.variables: {hots} stands in",
    ),
    "kept value in an endpoint": (
        lambda d: (
            d["server"]["dialect"].update(kept_paths={"site": "site"}),
            d["server"].update(token_endpoint="https://{site}/token"),
        ),
        "gitlab.toml.variables: {site}",
    ),
    "unused variable": (
        lambda d: d["variables"].append({"name": "region", "title": "Region", "help": "One."}),
        "gitlab.toml.variables.region: is never used",
    ),
    "reserved variable": (lambda d: d["variables"][0].update(name="client_id"), "variables.client_id"),
    "variable twice": (
        lambda d: d["variables"].append(copy.deepcopy(d["variables"][0])),
        "host is there twice",
    ),
    "variable without help": (
        lambda d: d["variables"][0].update(help=" "),
        "variables.host: whoever is asked needs",
    ),
    "default that does not fit": (
        lambda d: d["variables"][0].update(default="https://gitlab.com"),
        "variables.host: pattern, default, example and choices must agree",
    ),
    "broken pattern": (lambda d: d["variables"][0].update(pattern="("), "variables.host: pattern"),
    "word in a host": (
        lambda d: d["variables"][0].update(kind="word"),
        "variables.host: a word must not stand in a host",
    ),
    "origin within a host": (
        lambda d: d["variables"][0].update(kind="origin", default="", example=""),
        "variables.host: a origin must not stand in a host",
    ),
    "no minimum": (lambda d: d["features"][0].update(minimum=False), "features: exactly one is the minimum"),
    "two minima": (lambda d: d["features"][1].update(minimum=True), "features: exactly one is the minimum"),
    "feature twice": (lambda d: d["features"][2].update(slug="code.read"), "code.read is there twice"),
    "long title": (lambda d: d["features"][1].update(title="x" * 41), "features.projects.read: title"),
    "no description": (lambda d: d["features"][1].update(description=""), "projects.read: description"),
    "feature without scope": (lambda d: d["features"][1].pop("scope"), "features.projects.read: scope"),
    "scope without words": (
        lambda d: d["scope_titles"].pop("read_api"),
        "scope_titles: read_api has no title",
    ),
    "scope with a space": (lambda d: d["features"][1].update(scope=["read api"]), "is not a scope token"),
    "nowhere to send tokens": (lambda d: d.update(api_hosts=[]), "api_hosts: an entry says where"),
    "relative proof": (lambda d: d.update(test_path="user"), "test_path: must begin with a slash"),
    "less than no requests a minute": (
        lambda d: d["server"]["dialect"].update(token_requests_per_minute=-1),
        "gitlab.toml.server.dialect.token_requests_per_minute: 0 to",
    ),
    "too many requests a minute": (
        lambda d: d["server"]["dialect"].update(token_requests_per_minute=10**6),
        "gitlab.toml.server.dialect.token_requests_per_minute: 0 to",
    ),
    "half a request a minute": (
        lambda d: d["server"]["dialect"].update(token_requests_per_minute=0.5),
        "gitlab.toml.server.dialect.token_requests_per_minute: must be int",
    ),
    "no account": (lambda d: d["server"].pop("userinfo_endpoint"), "server.userinfo_endpoint: an entry says"),
}


def test_the_entry_that_the_cases_change_is_right() -> None:
    assert parse(gitlab(), "gitlab").slug == "gitlab"


@pytest.mark.parametrize(("change", "message"), CASES.values(), ids=list(CASES))
def test_a_wrong_entry_is_refused_by_file_and_field(change: Change, message: str) -> None:
    document = gitlab()
    change(document)

    with pytest.raises(CatalogueError) as refused:
        parse(document, "gitlab")

    assert message in str(refused.value)
    assert str(refused.value).startswith("catalog/gitlab.toml")


def test_a_slug_is_a_plain_word() -> None:
    with pytest.raises(CatalogueError, match="slug"):
        parse(gitlab(), "../gitlab")


@pytest.mark.parametrize(
    "part", [Provider, Variable, Feature, Lookup, AuthorizationServer, Dialect, Revocation, Userinfo]
)
def test_every_field_is_explained(part: type) -> None:
    explained = DOCUMENTATION.read_text(encoding="utf-8")

    names = {field.name for field in fields(part)} - WRITTEN_ELSEWHERE

    assert {name for name in names if name not in explained} == set()
