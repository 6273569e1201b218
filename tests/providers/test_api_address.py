"""A provider's token goes to its own API or nowhere."""

import pytest

from integrations.providers import ApiUrlRefused, get
from integrations.providers.api import check

SALESFORCE = {"instance_url": "https://acme.my.salesforce.com"}


def test_a_path_becomes_an_address_below_the_base() -> None:
    url = get("gitlab").api_url("/projects?page=2", {"host": "gitlab.example.com:8443"}, {})

    assert url == "https://gitlab.example.com:8443/api/v4/projects?page=2"


def test_a_kept_value_fills_the_address() -> None:
    provider = get("salesforce")

    url = provider.api_url("/services/data/", {}, {"instance_url": "https://acme--uat.sandbox.my.salesforce.com/"})

    assert url == "https://acme--uat.sandbox.my.salesforce.com/services/data/"


def test_a_kept_value_within_a_path_is_quoted() -> None:
    url = get("atlassian").api_url("/ex/jira/{cloud_id}/x", {}, {"cloud_id": "a/b?c#d"})

    assert url == "https://api.atlassian.com/ex/jira/a%2Fb%3Fc%23d/x"


@pytest.mark.parametrize("value", ["..", ".", "a/../b", "%2e%2e", "a\\b", ""])
def test_a_kept_value_cannot_climb_out_of_its_place(value: str) -> None:
    with pytest.raises(ApiUrlRefused):
        get("atlassian").api_url("/ex/jira/{cloud_id}/x", {}, {"cloud_id": value})


def test_a_missing_kept_value_is_named() -> None:
    with pytest.raises(ApiUrlRefused, match="instance_url is not known"):
        get("salesforce").api_url("/services/data/", {}, {})


@pytest.mark.requirement(113)
@pytest.mark.parametrize(
    "instance_url",
    [
        "https://evil.example",
        "https://acme.my.salesforce.com.evil.example",
        "https://evil.example/.my.salesforce.com",
        "https://acme.my.salesforce.com@evil.example",
        "https://user@acme.my.salesforce.com",
        "https://acme.my.salesforce.com:8443",
        "http://acme.my.salesforce.com",
        "https://acmesalesforce.com",
        "https://a.b.salesforce.com",
        "https://acme.my.salesforce.com/..",
        "https://acme.my.salesforce.com#",
        "https://acme.my.salesforce.com\\@evil.example",
        "https://acme.my.salesforce.com:99999",
        "//acme.my.salesforce.com",
        "acme.my.salesforce.com",
        "",
        ".",
    ],
)
def test_a_token_response_cannot_lead_the_token_elsewhere(instance_url: str) -> None:
    with pytest.raises(ApiUrlRefused):
        get("salesforce").api_url("/services/data/", {}, {"instance_url": instance_url})


@pytest.mark.parametrize(
    "path",
    [
        "user",
        "https://evil.example/",
        "//evil.example/",
        "/../../etc",
        "/a/../b",
        "/a/./b",
        "/%2e%2e/b",
        "/%252e%252e/b",
        "/%25252e%25252e/b",
        "/a/..;x/b",
        "/a\\b",
        "/a%5cb",
        "/a//b",
        "/a b",
        "/a\tb",
        "/a\nb",
        "/a%0ab",
        "/a#b",
        "/ä",
        "/．．/b",
        "/{unknown}/b",
        "@evil.example/",
        ".evil.example/",
        ":8443/",
    ],
)
def test_a_path_stays_on_the_api(path: str) -> None:
    with pytest.raises(ApiUrlRefused):
        get("github").api_url(path, {}, {})


def test_a_path_that_only_lengthens_the_base_is_refused() -> None:
    with pytest.raises(ApiUrlRefused):
        get("gitlab").api_url("5/projects", {}, {})


@pytest.mark.requirement(113)
@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/user",
        "http://api.github.com/user",
        "https://api.github.com:444/user",
        "https://api.github.com.evil.example/user",
        "https://api.github.com@evil.example/user",
        "https://x@api.github.com/user",
        "https://api.github.com./user",
        "https://sub.api.github.com/user",
        "https://github.com/user",
        "ftp://api.github.com/user",
        "/user",
        "",
        "https://api.github.com:x/user",
    ],
)
def test_an_absolute_address_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(ApiUrlRefused):
        get("github").check_api_url(url, {})


@pytest.mark.parametrize(
    "url",
    ["https://api.github.com/user?page=2", "https://api.github.com:443/", "https://API.github.com/user"],
)
def test_a_next_page_on_the_api_passes(url: str) -> None:
    get("github").check_api_url(url, {})


@pytest.mark.parametrize(
    ("listed", "url", "passes"),
    [
        ("*.example.com", "https://a.example.com/", True),
        ("*.example.com", "https://a.b.example.com/", False),
        ("*.example.com", "https://example.com/", False),
        ("**.example.com", "https://a.b.example.com/", True),
        ("**.example.com", "https://a..example.com/", False),
        ("a-example.com", "https://axexample.com/", False),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/x", True),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8001/x", False),
        ("http://127.0.0.1:8000", "https://127.0.0.1:8000/x", False),
        ("http://[::1]:8000", "http://[::1]:8000/x", True),
    ],
)
def test_a_listed_host_means_exactly_what_it_says(listed: str, url: str, passes: bool) -> None:
    if passes:
        check(url, origins=[listed])
        return
    with pytest.raises(ApiUrlRefused):
        check(url, origins=[listed])


def test_a_generic_provider_without_an_api_sends_its_token_nowhere() -> None:
    with pytest.raises(ApiUrlRefused):
        get("oidc").api_url("/me", {"issuer": "https://login.example.com"}, {})
    with pytest.raises(ApiUrlRefused):
        get("oidc").check_api_url("https://login.example.com/me", {"issuer": "https://login.example.com"})
    with pytest.raises(ApiUrlRefused):
        get("oidc").check_api_url("https:///me", {"issuer": "https://login.example.com"})
