"""Register the hub at a provider, or change a registration. The same command twice leaves the same registration."""

import getpass
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management import CommandError
from django.utils import timezone

from integrations.flows.clients import redirect_uri
from integrations.flows.register import Registration, register
from integrations.management.operator_command import OperatorCommand, Outcome, UsageError
from integrations.models import ClientRegistration
from integrations.oauth.errors import OAuthError
from integrations.providers import PROVIDERS, CatalogueError, FieldRefused, Provider, VariableRefused, get


class Command(OperatorCommand):
    help = "Register the hub at a provider, or change the registration of a slug."
    example = """
manage.py register_client github --client-id Iv1.8a61f9b3a7aba766 --client-secret-file github.secret
manage.py register_client gitlab --slug work --variable host=git.example.com --client-id 4a5b
"""
    exit_codes = {0: "registered", 1: "the provider's metadata cannot be had; nothing was changed"}
    notes = """
The client_secret is read from the file, else asked for (or read from standard input, one line). It is never an
argument: arguments can be read by everyone on this machine. An empty one keeps the secret that is stored.
"""

    def add_options(self, parser: ArgumentParser) -> None:
        parser.add_argument("provider", nargs="?", metavar="PROVIDER", help="key in the catalogue")
        parser.add_argument("--list-providers", action="store_true", help="print the catalogue and its variables")
        parser.add_argument("--slug", metavar="SLUG", help="part of the redirect URI (the provider's key)")
        parser.add_argument("--client-id", metavar="ID", help="the client_id the provider gave")
        parser.add_argument(
            "--client-secret-file", type=Path, metavar="FILE", help="file with the client_secret; - is standard input"
        )
        parser.add_argument(
            "--variable", action="append", default=[], metavar="NAME=VALUE", help="a variable of the provider; repeat"
        )
        parser.add_argument(
            "--scope", action="append", metavar="SCOPE", help="ask for this scope too; repeat; '' for none"
        )
        methods = ClientRegistration.AuthenticationMethod.values
        parser.add_argument(
            "--token-endpoint-auth-method",
            choices=[method for method in methods if method],
            help="how the hub authenticates, if not as the catalogue says; none for a public client",
        )

    def carry_out(self, options: Mapping[str, Any]) -> Outcome:
        if options["list_providers"]:
            return _catalogue()
        if not options["provider"]:
            raise UsageError("Name a provider; --list-providers prints them.")
        try:
            given = _given(get(options["provider"]), options)
            known = ClientRegistration.objects.filter(slug=given.slug).exists()
            registration = register(given, now=timezone.now(), actor="register_client")
        except FieldRefused as refusal:
            option = "scope" if refusal.field == "extra_scope" else refusal.field.replace("_", "-")
            raise UsageError(f"--{option}: {refusal.help}") from None
        except VariableRefused as refusal:
            raise UsageError(f"--variable {refusal.field}: {refusal.help}") from None
        except CatalogueError as error:
            raise UsageError(str(error)) from None
        except OAuthError as error:
            raise CommandError(f"Not registered. {error}") from None
        uri = redirect_uri(registration)
        return Outcome(
            report={
                "slug": registration.slug,
                "provider": given.provider,
                "created": not known,
                "redirect_uri": uri,
            },
            lines=[
                f"{'Changed' if known else 'Registered'}: {registration.slug} ({given.provider})",
                "Redirect URI to enter at the provider:",
                uri,
            ],
        )


def _catalogue() -> Outcome:
    providers = [
        {"provider": key, "name": entry.name, "variables": [variable.name for variable in entry.variables]}
        for key, entry in PROVIDERS.items()
    ]
    return Outcome(report={"providers": providers}, lines=[_described(entry) for entry in PROVIDERS.values()])


def _given(provider: Provider, options: Mapping[str, Any]) -> Registration:
    """What was typed, on top of what the registration of this slug has already."""
    slug = options["slug"] or provider.slug
    row = ClientRegistration.objects.filter(slug=slug).first() or ClientRegistration(slug=slug)
    if row.provider not in ("", provider.slug):
        raise UsageError(f"{slug} is registered at {row.provider}; take another --slug.")
    client_id = options["client_id"] or row.client_id
    if not client_id:
        raise UsageError("--client-id is needed for a new registration.")
    method = options["token_endpoint_auth_method"] or row.token_endpoint_auth_method
    public = (method or provider.server.dialect.token_endpoint_auth_method) == "none"
    return Registration(
        slug=slug,
        provider=provider.slug,
        client_id=client_id,
        client_secret="" if public else _client_secret(options["client_secret_file"], row),
        variables=row.variables | _variables(options["variable"]),
        token_endpoint_auth_method=method,
        extra_scope=row.extra_scope if options["scope"] is None else " ".join(options["scope"]).strip(),
        enabled=row.enabled,
        without_pkce=row.without_pkce,
    )


def _variables(pairs: list[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"--variable {pair}: write NAME=VALUE.")
        found[name.strip()] = value.strip()
    return found


def _client_secret(path: Path | None, row: ClientRegistration) -> str | None:
    """The secret given; None where the stored one stays."""
    try:
        if path is not None and str(path) != "-":
            secret = path.read_text(encoding="utf-8").strip()
        elif sys.stdin.isatty():
            stays = " (empty keeps the stored one)" if row.has_client_secret else ""
            secret = getpass.getpass(f"client_secret{stays}: ").strip()
        else:
            secret = sys.stdin.readline().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The client_secret cannot be read: {type(error).__name__}") from None
    if not secret and not row.has_client_secret:
        raise UsageError("A client_secret is needed; for a public client say --token-endpoint-auth-method none.")
    return secret or None


def _described(provider: Provider) -> str:
    lines = [f"{provider.slug:12} {provider.name}: {provider.description}"]
    for variable in provider.variables:
        needed = "" if variable.required and not variable.default else " (optional)"
        if variable.is_personal:
            needed = " (optional: without it each person enters their own)"
        lines.append(f"{'':12}   --variable {variable.name}={variable.example or '…'}{needed}")
    return "\n".join(lines)
