"""The catalogue's schema: what a TOML document must be to become a Provider. Fields: docs/providers.md."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

from integrations.oauth.server import Dialect
from integrations.providers import calls
from integrations.providers.errors import CatalogueError, VariableRefused
from integrations.providers.provider import Feature, Provider
from integrations.providers.reader import build
from integrations.providers.template import RESERVED, names_in, strings_in
from integrations.providers.variable import Kind, Variable

CATEGORIES = frozenset(
    {
        *("commerce", "communication", "crm", "demo", "development"),
        *("files", "generic", "media", "office", "projects"),
    }
)
TITLE_CHARACTERS = 40
NUMBERS = {"keepalive_days": 3650, "token_requests_per_minute": 600_000}
_SLUG = re.compile(r"[a-z][a-z0-9]*(?:[.-][a-z0-9]+)*")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_TWO_LABELS = re.compile(r"(?:\.[a-z0-9-]+){2,}(?::[0-9]+)?")
_IN_HOST = frozenset({Kind.LABEL, Kind.HOST})
_AT_START = frozenset({Kind.ORIGIN, Kind.URL})

type Problem = tuple[str, str]


def parse(document: dict[str, object], slug: str) -> Provider:
    """Make a Provider of a TOML document, or say which field of which file is wrong.

    Raises:
        CatalogueError: an unknown, missing or ill-typed field, or one that breaks a rule.
    """
    where = f"catalog/{slug}.toml"
    if "slug" in document:
        raise CatalogueError(f"{where}.slug: the file's name is the slug")
    provider = build(Provider, {**document, "slug": slug}, where=where)
    for field, problem in _problems(provider):
        raise CatalogueError(f"{where}.{field}: {problem}")
    return provider


def _problems(provider: Provider) -> Iterator[Problem]:
    yield from _entry(provider)
    for variable in provider.variables:
        yield from _variable(variable)
    yield from _features(provider)
    yield from _placeholders(provider)
    yield from _addresses(provider)
    for variable in provider.variables:
        if variable.is_personal:
            yield from ((f"variables.{variable.name}", problem) for problem in _personal(provider, variable))


def _entry(provider: Provider) -> Iterator[Problem]:
    if not _SLUG.fullmatch(provider.slug):
        yield "slug", "lower-case letters, digits and hyphens"
    for field in ("name", "description"):
        if not getattr(provider, field).strip():
            yield field, "is empty"
    if not provider.categories or not set(provider.categories) <= CATEGORIES:
        yield "categories", f"at least one of {', '.join(sorted(CATEGORIES))}"
    for field in ("documentation_url", "registration_url", "revocation_page_url"):
        url = getattr(provider, field)
        if url and not names_in(url) and not url.startswith("https://"):
            yield field, "must be an https address"
    if not provider.api_hosts or not provider.api_base_url:
        yield "api_hosts", "an entry says where its tokens may go: api_base_url and api_hosts"
    if provider.test_path and not provider.test_path.startswith("/"):
        yield "test_path", "must begin with a slash"
    if not (provider.server.userinfo_endpoint or provider.discovery):
        yield "server.userinfo_endpoint", "an entry says how to ask whose account it is"
    for field, at_most in NUMBERS.items():
        if not 0 <= getattr(provider.server.dialect, field) <= at_most:
            yield f"server.dialect.{field}", f"0 to {at_most}"
    for name, count in Counter(variable.name for variable in provider.variables).items():
        if count > 1:
            yield "variables", f"{name} is there twice"


def _variable(variable: Variable) -> Iterator[Problem]:
    field = f"variables.{variable.name}"
    if not _NAME.fullmatch(variable.name) or variable.name in RESERVED:
        yield field, "lower-case letters, digits and underscores, and not a reserved name"
    if not variable.title.strip() or not variable.help.strip():
        yield field, "whoever is asked needs a title and help"
    try:
        re.compile(variable.pattern)
        for value in filter(None, (variable.default, variable.example, *variable.choices)):
            variable.validate(value)
    except (re.error, VariableRefused) as error:
        yield field, f"pattern, default, example and choices must agree: {error}"


def _features(provider: Provider) -> Iterator[Problem]:
    if sum(feature.minimum for feature in provider.features) != 1:
        yield "features", "exactly one is the minimum"
    slugs = Counter(feature.slug for feature in provider.features)
    if max(slugs.values(), default=0) > 1:
        yield "features", f"{slugs.most_common(1)[0][0]} is there twice"
    for feature in provider.features:
        yield from _feature(provider, feature)
    for scope in provider.base_scope.union(*(feature.scope for feature in provider.features)):
        if not _SCOPE_TOKEN.fullmatch(scope):
            yield "scope", f"{scope!r} is not a scope token (RFC 6749 §3.3)"
        if scope not in provider.scope_titles:
            yield "scope_titles", f"{scope} has no title in human words"


def _feature(provider: Provider, feature: Feature) -> Iterator[Problem]:
    field = f"features.{feature.slug}"
    if not _SLUG.fullmatch(feature.slug):
        yield field, "slug: lower-case words joined by dots or hyphens"
    if not feature.title.strip() or len(feature.title) > TITLE_CHARACTERS:
        yield field, f"title: 1 to {TITLE_CHARACTERS} characters"
    if not feature.description.strip():
        yield field, "description: say what it allows"
    if not feature.minimum and not feature.scope:
        yield field, "scope: a feature that can be switched on names what it needs"
    if feature.test_path and not feature.test_path.startswith("/"):
        yield field, "test_path must begin with a slash"
    yield from ((field, fault) for line in feature.calls if (fault := calls.fault_of(line)))


def _placeholders(provider: Provider) -> Iterator[Problem]:
    variables = {variable.name for variable in provider.variables}
    looked_up = provider.lookup.kept_paths if provider.lookup else {}
    kept = {*provider.server.dialect.kept_paths, *looked_up}
    paths = [provider.api_base_url, provider.test_path, *(feature.test_path for feature in provider.features)]
    fixed = [*strings_in(provider.server), *provider.api_hosts, *strings_in(provider.api_headers)]
    pages = [provider.registration_url, provider.revocation_page_url]
    for texts, known in ((fixed + pages, variables), (paths, variables | kept)):
        for text in texts:
            for name in names_in(text) - known:
                yield "variables", f"{{{name}}} stands in {text!r} and is no variable of this entry"
    used = frozenset().union(*(names_in(text) for text in fixed + paths))
    for name in variables - used:
        yield f"variables.{name}", "is never used"


def _addresses(provider: Provider) -> Iterator[Problem]:
    kinds = {variable.name: variable.kind for variable in provider.variables}
    for text in (*strings_in(provider.server), provider.api_base_url, *provider.api_hosts):
        start = re.match(r"\{([a-z0-9_]+)\}", text)
        if start and kinds.get(start[1]) in _AT_START:
            continue
        if "://" in text and not text.startswith("https://"):
            yield "server", f"{text!r} must begin with https:// or a variable that holds an origin"
        host = urlsplit(text).netloc if "://" in text else text if text in provider.api_hosts else ""
        for name in names_in(host) & kinds.keys():
            if kinds[name] not in _IN_HOST:
                yield f"variables.{name}", f"a {kinds[name]} must not stand in a host: {text!r}"


def _personal(provider: Provider, variable: Variable) -> Iterator[str]:
    """Why a variable cannot be asked of persons: what they enter must never lead a secret to a host of their choosing.

    Nor may it change how the hub speaks with the provider, or let two tenants' accounts be taken for one.
    """
    if provider.discovery:
        yield "the published metadata is that of one instance: only an operator can answer"
    if variable.kind in _AT_START:
        yield f"a person is not asked for a {variable.kind}: it could be anybody's address"
    server = provider.server
    if any(variable.name in names_in(text) for text in strings_in((server.dialect, provider.api_headers))):
        yield "a person's answer goes into addresses only"
    for text in (*strings_in(replace(server, dialect=Dialect())), provider.api_base_url, *provider.api_hosts):
        host = urlsplit(text).netloc if "://" in text else text.partition("/")[0]
        if variable.name in names_in(host) and not variable.choices and not _stays_at_home(variable, host):
            yield f"a person must not choose the domain: {text!r}"
    told_by = (server.token_endpoint, server.userinfo_endpoint, server.jwks_uri)
    if variable.name in frozenset().union(*map(names_in, told_by)) - names_in(server.account_issuer):
        yield "accounts of two tenants would be taken for one: name the issuer, with it"


def _stays_at_home(variable: Variable, host: str) -> bool:
    """Whether a host ends in a domain that the catalogue writes out, whatever the variable holds."""
    ending = host.rpartition("}")[2]
    if variable.kind is Kind.HOST and not ending:
        return host.endswith(f"{{{variable.name}}}") and variable.domain.count(".") > 1
    return _TWO_LABELS.fullmatch(ending) is not None
