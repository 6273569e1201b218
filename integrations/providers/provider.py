"""What a provider looks like: endpoints, named quirks, features. Read from the catalogue, never changed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date

from integrations.oauth.server import AuthorizationServer, Metadata, from_metadata
from integrations.providers import api, calls
from integrations.providers.errors import CatalogueError, UnknownFeature
from integrations.providers.template import fill, fill_all, names_in
from integrations.providers.variable import Kind, Variable, validate_all


@dataclass(frozen=True, kw_only=True, slots=True)
class Feature:
    """Something a person switches on; `description` says what it allows, `calls` what is called for it."""

    slug: str
    title: str
    description: str
    scope: frozenset[str] = frozenset()
    minimum: bool = False
    test_path: str = ""
    calls: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Lookup:
    """A GET after connecting for values that the API's addresses need, our name → path in the answer."""

    path: str
    kept_paths: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """One catalogue entry. `server` and the API's fields hold `{variables}`: callers use the methods."""

    slug: str
    name: str
    description: str
    categories: tuple[str, ...]
    documentation_url: str
    checked: date
    server: AuthorizationServer
    features: tuple[Feature, ...]
    registration_url: str = ""
    registration_help: str = ""
    redirect_uri_comparison: str = ""
    revocation_page_url: str = ""
    access_is_fixed: bool = False
    discovery: bool = False
    variables: tuple[Variable, ...] = ()
    base_scope: frozenset[str] = frozenset()
    scope_titles: Mapping[str, str] = field(default_factory=dict)
    implied_scope: Mapping[str, frozenset[str]] = field(default_factory=dict)
    api_base_url: str = ""
    api_hosts: tuple[str, ...] = ()
    api_headers: Mapping[str, str] = field(default_factory=dict)
    test_path: str = ""
    lookup: Lookup | None = None

    @property
    def minimum(self) -> Feature:
        """The feature that identifies the account; without it nothing can be connected."""
        return next(feature for feature in self.features if feature.minimum)

    def feature(self, slug: str) -> Feature:
        """Find a feature.

        Raises:
            UnknownFeature: the entry has none of that slug.
        """
        for feature in self.features:
            if feature.slug == slug:
                return feature
        raise UnknownFeature(f"{self.name} has no feature {slug!r}")

    def scope_of(self, features: Collection[str]) -> frozenset[str]:
        """Join the scope of features, of the minimum and what is asked of everyone.

        Raises:
            UnknownFeature: the entry lacks one of them.
        """
        wanted = [self.minimum, *(self.feature(slug) for slug in features)]
        return self.base_scope.union(*(feature.scope for feature in wanted))

    def covered_by(self, granted: Collection[str]) -> frozenset[str]:
        """Widen a granted scope by what it implies at this provider, to the end of the chain."""
        covered = set(granted)
        unseen = list(granted)
        while unseen:
            implied = self.implied_scope.get(unseen.pop(), frozenset()) - covered
            covered |= implied
            unseen.extend(implied)
        return frozenset(covered)

    def features_of(self, granted: Collection[str]) -> tuple[tuple[Feature, ...], tuple[Feature, ...]]:
        """Split the features into those a granted scope switches on and those it lacks scope for."""
        covered = self.covered_by(granted)
        on = tuple(feature for feature in self.features if feature.scope <= covered)
        return on, tuple(feature for feature in self.features if feature not in on)

    def allows(self, features: Collection[str], *, method: str, path: str) -> bool:
        """Whether a call belongs to one of these features. What the catalogue does not say belongs to none."""
        own = (line for feature in self.features if feature.slug in features for line in feature.calls)
        return any(calls.pattern(line).covers(method, path) for line in own)

    def scope_title(self, scope: str) -> str:
        """Say a scope token in human words; one the catalogue does not know, as the provider spells it."""
        return self.scope_titles.get(scope, scope)

    def validate_variables(self, given: Mapping[str, str]) -> dict[str, str]:
        """Check values and add defaults.

        Raises:
            VariableRefused: show its `help` beside the form field named `field`.
        """
        return validate_all(self.variables, given)

    def revocation_page(self, variables: Mapping[str, str]) -> str:
        """Where a person ends the hub's access themselves, at this instance; the empty text: nowhere that we know.

        Raises:
            VariableRefused: a variable's value does not fit.
        """
        return fill(self.revocation_page_url, self.validate_variables(variables))

    def validate_registration(self, given: Mapping[str, str]) -> dict[str, str]:
        """Check an operator's values and add defaults; what they leave empty of the personal ones stays out.

        Raises:
            VariableRefused: show its `help` beside the form field named `field`.
        """
        left = {variable.name for variable in self.variables if variable.is_personal and not given.get(variable.name)}
        asked = tuple(variable for variable in self.variables if variable.name not in left)
        return validate_all(asked, {name: value for name, value in given.items() if name not in left})

    def questions(self, fixed: Mapping[str, str]) -> tuple[Variable, ...]:
        """What each person is asked, where an operator has `fixed` the rest."""
        return tuple(variable for variable in self.variables if variable.is_personal and not fixed.get(variable.name))

    def answers(self, given: Mapping[str, str], *, fixed: Mapping[str, str]) -> dict[str, str]:
        """Check a person's answers; the value of every personal variable, those that an operator `fixed` too.

        Raises:
            VariableRefused: a value does not fit, is missing, or was not asked for.
        """
        answered = validate_all(self.questions(fixed), given)
        return {v.name: fixed.get(v.name) or answered[v.name] for v in self.variables if v.is_personal}

    def tidied(self, variable: Variable, typed: str) -> str:
        """What a person means by what they typed or pasted: of an address, the part that is asked for."""
        value = typed.strip()
        if variable.choices or variable.kind not in {Kind.LABEL, Kind.HOST}:
            return value
        host = value.lower().removeprefix("https://").removeprefix("http://").partition("/")[0]
        return host.removesuffix(self.ending(variable))

    def ending(self, variable: Variable) -> str:
        """What comes after a label in the host where people sign in, such as ".example.com"; empty: nothing fixed."""
        _, name, after = self.server.authorization_endpoint.partition(f"://{{{variable.name}}}")
        host = after.partition("/")[0]
        return host if name and variable.kind is Kind.LABEL and not names_in(host) else ""

    def sign_in_host(self, variables: Mapping[str, str]) -> str:
        """Where people sign in, as far as it is known: an ellipsis stands for what is still to be answered."""
        host = fill(self.server.authorization_endpoint, variables).partition("://")[2].partition("/")[0]
        shown = fill(host, dict.fromkeys(names_in(host), "…"))
        return shown if any(character.isalnum() for character in shown) else ""

    def issuer(self, variables: Mapping[str, str]) -> str:
        """Name who vouches for accounts at this instance: the issuer, else the token endpoint's origin.

        Raises:
            VariableRefused: a variable's value does not fit.
        """
        return fill_all(self.server, self.validate_variables(variables)).account_issuer

    def authorization_server(
        self, variables: Mapping[str, str], metadata: Metadata | None = None
    ) -> AuthorizationServer:
        """Fill in the variables; where the entry says discovery, `metadata` supplies the endpoints.

        Raises:
            VariableRefused: a variable's value does not fit.
            CatalogueError: discovery is needed and `metadata` is missing or another issuer's.
        """
        server = fill_all(self.server, self.validate_variables(variables))
        if not self.discovery:
            return server
        if not metadata or metadata.get("issuer") != server.issuer:
            raise CatalogueError(f"{self.name}: no metadata of {server.issuer} has been discovered")
        return from_metadata(metadata, dialect=server.dialect)

    def api_url(self, path: str, variables: Mapping[str, str], kept: Mapping[str, str]) -> str:
        """Build an absolute address on the provider's API, the only kind of address its token may be sent to.

        `kept` are values of the connection (instance URL, site id) that the address needs.

        Raises:
            VariableRefused: a variable's value does not fit.
            ApiUrlRefused: a kept value is missing, or the address would be elsewhere.
        """
        values = self.validate_variables(variables)
        url = api.join(self.api_base_url, path, values, kept)
        api.check(url, origins=self._origins(values))
        return url

    def check_api_url(self, url: str, variables: Mapping[str, str]) -> None:
        """Pass an absolute address (a next page, a caller's own) only if the token may be sent there.

        Raises:
            VariableRefused: a variable's value does not fit.
            ApiUrlRefused: it is not on the provider's API.
        """
        api.check(url, origins=self._origins(self.validate_variables(variables)))

    def token_header(self, variables: Mapping[str, str], token: str) -> tuple[str, str]:
        """The header that a call of the API carries its access token in, name and value.

        Raises:
            VariableRefused: a variable's value does not fit.
        """
        dialect, values = self.server.dialect, self.validate_variables(variables)
        return fill(dialect.token_header_name, values), fill(dialect.token_header_template, values).format(token=token)

    def _origins(self, values: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(filter(None, (fill(host, values) for host in self.api_hosts)))
