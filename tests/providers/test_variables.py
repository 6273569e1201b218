"""What an operator enters ends up in addresses that receive secrets: hostile values are refused."""

import pytest

from integrations.providers import PROVIDERS, Kind, Provider, VariableRefused
from tests.providers.building import examples

HOSTILE = [
    *[
        r"evil.com/",
        r"a@b",
        r"..",
        r"a..b",
        r"evil.com#",
        r"evil.com?x=",
        r"a\b",
        r"a%2fb",
        r"{token}",
        r"https://evil.com@x",
        r"//evil.com",
    ],
    *[
        "evil.com:99999999",
        "evil.com:70000",
        "https://evil.com:70000",
        ".evil.com",
        "-a",
        "a;b",
        "ä.example",
        "x.example:0",
    ],
    *[
        "http://evil.example",
        "javascript:alert(1)",
        "https://x.example/../y",
        "https://x.example/a?b=c",
        "[::1]",
    ],
    *("a b", "a\nb", "a\n", "\x00", "a" * 300),
]
HOSTILE_HOSTS = [
    "169.254.169.254",
    "2130706433",
    "0x7f000001",
    "X.EXAMPLE",
    "evil.com.",
    "localhost",
    "intranet",
]

every_provider = pytest.mark.parametrize(
    "provider", [provider for provider in PROVIDERS.values() if provider.variables], ids=lambda p: p.slug
)


@pytest.mark.requirement(124)
@every_provider
@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values_of_variables_are_refused_with_help(provider: Provider, value: str) -> None:
    for variable in provider.variables:
        with pytest.raises(VariableRefused) as refused:
            provider.validate_variables({**examples(provider), variable.name: value})

        assert refused.value.field == variable.name
        assert refused.value.help == variable.help


@pytest.mark.requirement(124)
@every_provider
@pytest.mark.parametrize("value", HOSTILE_HOSTS)
def test_addresses_and_bare_names_are_no_hosts(provider: Provider, value: str) -> None:
    hosts = (variable for variable in provider.variables if variable.kind in {Kind.HOST, Kind.ORIGIN, Kind.URL})
    for variable in hosts:
        scheme = "" if variable.kind is Kind.HOST else "https://"
        if scheme and value == "localhost":
            continue  # where the sandbox and a provider on trial run
        with pytest.raises(VariableRefused):
            provider.validate_variables({**examples(provider), variable.name: f"{scheme}{value}"})


@every_provider
def test_a_variable_that_the_entry_does_not_have_is_refused(provider: Provider) -> None:
    with pytest.raises(VariableRefused) as refused:
        provider.validate_variables({**examples(provider), "token_url": "https://evil.example"})

    assert refused.value.field == "token_url"
