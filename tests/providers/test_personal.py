"""What a person enters chooses among a provider's own addresses, and leads no secret elsewhere."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from integrations.oauth.server import AuthorizationServer
from integrations.providers import PROVIDERS, CatalogueError, Provider, VariableRefused, get, parse, read_catalogue
from integrations.providers.template import strings_in
from tests.providers.test_schema import gitlab
from tests.providers.test_variables import HOSTILE, HOSTILE_HOSTS

asking = pytest.mark.parametrize(
    "provider", [entry for entry in PROVIDERS.values() if entry.questions({})], ids=lambda entry: entry.slug
)


def shop(**changes: Any) -> dict[str, Any]:
    """An entry whose host a person names: below example.com unless changed."""
    document = gitlab()
    for name, value in document["server"].items():
        if isinstance(value, str):
            document["server"][name] = value.replace("{host}", "{host}.shops.example.com")
    for name in ("registration_url", "revocation_page_url", "api_base_url"):
        document[name] = document[name].replace("{host}", "{host}.shops.example.com")
    document["api_hosts"] = ["{host}.shops.example.com"]
    document["variables"] = [{"name": "host", "title": "Shop", "help": "Its name.", "kind": "label", "asked": "person"}]
    document["variables"][0].update(changes)
    return document


def whole_host(pattern: str) -> dict[str, Any]:
    document = gitlab()
    document["variables"] = [
        {"name": "host", "title": "Host", "help": "One.", "kind": "host", "pattern": pattern, "asked": "person"}
    ]
    return document


def changed(document: dict[str, Any], change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    change(document)
    return document


def domains(server: AuthorizationServer) -> set[str]:
    """The last two labels of every host that the hub would speak to."""
    hosts = (urlsplit(url).hostname or "" for url in strings_in(server) if "://" in url)
    return {".".join(host.split(".")[-2:]) for host in hosts}


REFUSED = {
    "any host": (whole_host(""), "must not choose the domain"),
    "a host of any company": (whole_host(r"[a-z]+\.com"), "must not choose the domain"),
    "a host whose end is open": (whole_host(r"login\.example\.com|.*"), "must not choose the domain"),
    "a host whose end is a class": (whole_host(r"[a-z]+\.example\.[a-z]+"), "must not choose the domain"),
    "an origin": (
        {**gitlab(), "variables": [{**gitlab()["variables"][0], "kind": "origin", "asked": "person", "default": ""}]},
        "variables.host",
    ),
    "a label before a top-level domain": (
        changed(shop(), lambda d: d["server"].update(token_endpoint="https://{host}.com/token")),
        "must not choose the domain",
    ),
    "a label at the end": (
        changed(shop(), lambda d: d["server"].update(token_endpoint="https://api.example.{host}/token")),
        "must not choose the domain",
    ),
    "a label among the API's hosts": (
        changed(shop(), lambda d: d.update(api_hosts=["{host}"])),
        "must not choose the domain",
    ),
    "a quirk": (
        changed(shop(kind="word"), lambda d: d["server"]["dialect"].update(token_parameters={"x": "{host}"})),
        "variables.host",
    ),
    "a header": (changed(shop(), lambda d: d.update(api_headers={"X-Shop": "{host}"})), "goes into addresses only"),
    "published metadata": (changed(shop(), lambda d: d.update(discovery=True)), "only an operator can answer"),
    "a tenant in the path without an issuer": (
        changed(shop(), lambda d: d["server"].update(token_endpoint="https://login.example.com/{host}/token")),
        "accounts of two tenants would be taken for one",
    ),
    "a tenant in the host below one issuer for all": (
        changed(shop(), lambda d: d["server"].update(issuer="https://login.example.com")),
        "accounts of two tenants would be taken for one",
    ),
    "a tenant that alone says whose account it is": (
        changed(shop(), lambda d: d["server"].update(token_endpoint="https://login.example.com/token")),
        "accounts of two tenants would be taken for one",
    ),
    "a tenant that signs for the issuer of all": (
        changed(
            shop(),
            lambda d: d["server"].update(
                issuer="https://login.example.com",
                token_endpoint="https://login.example.com/token",
                userinfo_endpoint="https://login.example.com/me",
                jwks_uri="https://{host}.shops.example.com/keys",
            ),
        ),
        "accounts of two tenants would be taken for one",
    ),
}


def test_the_entry_that_the_cases_change_is_right() -> None:
    assert parse(shop(), "shop").questions({})
    assert parse(whole_host(r"(login|[a-z]+\.my)\.example\.com"), "shop").questions({})
    assert parse(shop(choices=["eu", "us"]), "shop").questions({})


@pytest.mark.requirement(113, 124)
@pytest.mark.parametrize(("document", "message"), REFUSED.values(), ids=list(REFUSED))
def test_the_schema_refuses_to_ask_a_person_for(document: dict[str, Any], message: str) -> None:
    with pytest.raises(CatalogueError) as refused:
        parse(document, "shop")

    assert message in str(refused.value)


@pytest.mark.requirement(124)
@pytest.mark.parametrize("kind", ["origin", "url"])
def test_a_person_is_never_asked_for_an_address(kind: str) -> None:
    document = shop(kind=kind, choices=["https://eu.example.com", "https://us.example.com"])
    for name in ("authorization_endpoint", "token_endpoint", "revocation_endpoint", "introspection_endpoint"):
        document["server"][name] = "{host}/oauth"
    document["server"]["userinfo_endpoint"] = document["api_base_url"] = "{host}/api"
    document |= {"api_hosts": ["{host}"], "registration_url": "", "revocation_page_url": ""}

    with pytest.raises(CatalogueError, match=f"a person is not asked for a {kind}"):
        parse(document, "shop")


@pytest.mark.requirement(113, 124)
@asking
@pytest.mark.parametrize(
    "value", [*HOSTILE, *HOSTILE_HOSTS, "evil.com", "acme.evil.com", "login.salesforce.com.evil.com"]
)
def test_a_hostile_answer_is_refused_or_stays_at_the_provider(provider: Provider, value: str) -> None:
    examples = {v.name: v.default or v.example for v in provider.variables}
    home = domains(provider.authorization_server(examples))
    for variable in provider.questions({}):
        answer = provider.tidied(variable, value)
        try:
            filled = provider.authorization_server({**examples, variable.name: variable.validate(answer)})
        except VariableRefused as refusal:
            assert refusal.help == variable.help
            continue
        assert domains(filled) <= home


@pytest.mark.requirement(113)
def test_the_domain_holds_whatever_else_the_pattern_lets_through() -> None:
    entry = parse(whole_host(r"evil\.test|[a-z]+\.example\.com"), "shop")
    (variable,) = entry.questions({})

    assert variable.validate("acme.example.com") == "acme.example.com"
    with pytest.raises(VariableRefused):
        variable.validate("evil.test")
    with pytest.raises(VariableRefused):
        variable.validate("acme.example.com:8443")


@pytest.mark.parametrize(
    ("slug", "typed", "meant"),
    [
        ("shopify", " Acme ", "acme"),
        ("shopify", "acme.myshopify.com", "acme"),
        ("shopify", "https://acme.myshopify.com/admin?x=1", "acme"),
        ("shopify", "acme.evil.com", "acme.evil.com"),
        ("salesforce", "https://Acme.my.salesforce.com/home", "acme.my.salesforce.com"),
        ("hubspot", "app.hubspot.com", "app.hubspot.com"),
    ],
)
def test_a_pasted_address_is_understood(slug: str, typed: str, meant: str) -> None:
    provider = get(slug)
    (variable,) = provider.questions({})

    assert provider.tidied(variable, typed) == meant


def test_what_an_operator_has_fixed_is_not_asked() -> None:
    shopify = get("shopify")

    assert [variable.name for variable in shopify.questions({})] == ["shop"]
    assert shopify.questions({"shop": "acme"}) == ()
    assert shopify.answers({}, fixed={"shop": "acme"}) == {"shop": "acme"}
    assert shopify.answers({"shop": "other"}, fixed={}) == {"shop": "other"}


@pytest.mark.requirement(134)
@pytest.mark.parametrize(
    ("given", "fixed", "field"),
    [
        ({"shop": "other"}, {"shop": "acme"}, "shop"),
        ({}, {}, "shop"),
        ({"shop": "a", "client_id": "x"}, {}, "client_id"),
    ],
)
def test_an_answer_to_what_was_not_asked_is_refused(given: dict[str, str], fixed: dict[str, str], field: str) -> None:
    with pytest.raises(VariableRefused) as refused:
        get("shopify").answers(given, fixed=fixed)

    assert refused.value.field == field


def test_the_same_id_at_two_shops_is_two_accounts() -> None:
    shopify = get("shopify")

    assert shopify.issuer({"shop": "acme"}) == "https://acme.myshopify.com"
    assert shopify.authorization_server({"shop": "globex"}).account_issuer == "https://globex.myshopify.com"


def test_an_operator_may_leave_the_answer_to_people() -> None:
    salesforce = get("salesforce")

    assert salesforce.validate_registration({"login_host": ""}) == {}
    assert salesforce.validate_registration({"login_host": "test.salesforce.com"}) == {
        "login_host": "test.salesforce.com"
    }
    with pytest.raises(VariableRefused):
        salesforce.validate_registration({"login_host": "evil.example"})


@pytest.mark.parametrize(
    ("slug", "shown"),
    [("shopify", "….myshopify.com"), ("salesforce", ""), ("github", "github.com"), ("hubspot", "")],
)
def test_where_people_sign_in_is_said_as_far_as_it_is_known(slug: str, shown: str) -> None:
    assert get(slug).sign_in_host({}) == shown


def test_an_operators_own_entries_are_read_and_held_to_the_schema(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "catalogue" / "helpdesk.toml").read_text()
    (tmp_path / "mine.toml").write_text(text)
    (tmp_path / "notes.txt").write_text("not an entry")
    assert "mine" in read_catalogue(str(tmp_path))

    (tmp_path / "github.toml").write_text(text)
    with pytest.raises(CatalogueError, match="has a github already"):
        read_catalogue(str(tmp_path))
    (tmp_path / "github.toml").rename(tmp_path / "wrong.toml")
    (tmp_path / "wrong.toml").write_text(text.replace("asked =", "asks ="))
    with pytest.raises(CatalogueError, match=r"wrong\.toml"):
        read_catalogue(str(tmp_path))
