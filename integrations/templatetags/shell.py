"""What every page has around its content: the section one is in, the address of the style page."""

from collections.abc import Mapping

from django import template
from django.conf import settings
from django.template import Context
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

#: Each page by name, or by how its name begins, under the link in the navigation that leads to it. The first is where
#: the link goes.
SECTIONS: Mapping[str, tuple[str, ...]] = {
    "connections": (
        "integrations:connections",
        "integrations:connection",
        "integrations:connected",
        "integrations:disconnect",
        "integrations:disconnect_all",
        "integrations:disconnect_progress",
        "integrations:console",
        "integrations:less",
        "integrations:rename",
        "integrations:test",
        "integrations:try",
    ),
    "add": ("integrations:catalogue", "integrations:provider", "integrations:consent", "integrations:begin"),
    "applications": (
        "applications:applications",
        "applications:authorized",
        "applications:remove",
        "applications:register",
        "applications:registered",
        "applications:secret",
        "applications:delete",
    ),
    "activity": ("integrations:activity",),
    "settings": (
        "integrations:settings",
        "integrations:notifications",
        "integrations:language",
        "integrations:data_export",
        "integrations:delete_account",
        "account_",
        "mfa_",
        "usersessions_",
        "webhooks:",
    ),
}

register = template.Library()


@register.simple_tag(takes_context=True)
def current(context: Context, section: str) -> SafeString | str:
    """`aria-current` for a link in the navigation: this very page, or one below it; nothing elsewhere."""
    match = getattr(context.get("request"), "resolver_match", None)
    view = match.view_name if match else ""
    first, *_ = names = SECTIONS[section]
    if view == first:
        return format_html('aria-current="{}"', "page")
    if view in names or any(view.startswith(name) for name in names if name.endswith(("_", ":"))):
        return format_html('aria-current="{}"', "true")
    return ""


@register.simple_tag
def languages() -> list[tuple[str, str]]:
    """Code and name of each language of the pages; the name in that language itself, whatever the page speaks."""
    return list(settings.LANGUAGES)


@register.simple_tag
def style_page() -> str:
    """The address of the page that shows every component; there is none in production."""
    return reverse("integrations:style") if settings.HUB_SANDBOX else ""
