"""Every component in every state on one page, to look at while working on the design; not in production."""

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.views.decorators.http import require_safe

from integrations.web.palette import pairs
from integrations.web.samples import samples


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A component and the template that shows it; none yet is "" and fails a test."""

    name: str
    template: str


@require_safe
def style(request: HttpRequest) -> HttpResponse:
    """The style page."""
    if not settings.HUB_SANDBOX:
        raise Http404
    context = {"pairs": pairs(), "examples": [_example(name) for name in component_names()], **samples()}
    return render(request, "integrations/style.html", context)


def component_names() -> list[str]:
    """The files of templates/components/, without their ending."""
    return sorted(file.stem for file in (Path(settings.BASE_DIR) / "templates" / "components").glob("*.html"))


def _example(name: str) -> Example:
    template = f"integrations/style/{name}.html"
    try:
        get_template(template)
    except TemplateDoesNotExist:
        template = ""
    return Example(name=name, template=template)
