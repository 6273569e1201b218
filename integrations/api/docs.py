"""The API's description as a page: routes, parameters, examples and problems, from the same document."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from integrations.api.codes import CODES


class Described(Protocol):
    """What has an OpenAPI document."""

    def described(self) -> Any: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """What can be sent beside the body, or a member of it."""

    name: str
    where: str
    required: bool
    description: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """One operation, as a reader wants it."""

    name: str
    method: str
    path: str
    description: str
    scope: str
    parameters: tuple[Parameter, ...]
    request: str
    response: str
    codes: tuple[str, ...]


def page(api: Described) -> Callable[[HttpRequest], HttpResponse]:
    """The view that shows an API's description."""

    @require_safe
    def docs(request: HttpRequest) -> HttpResponse:
        """What the API can be asked, and what it answers."""
        schema = api.described()
        context = {"routes": list(_routes(schema)), "codes": CODES.items(), "about": schema["info"]["description"]}
        return render(request, "integrations/api_docs.html", context)

    return docs


def _routes(schema: Any) -> Iterator[Route]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            security = operation.get("security") or [{}]
            yield Route(
                name=operation["operationId"],
                method=method.upper(),
                path=path,
                description=operation.get("description", ""),
                scope=" ".join(scope for scopes in security[0].values() for scope in scopes),
                parameters=tuple(_parameters(operation, schema)),
                request=_example(operation.get("requestBody", {})),
                response=_example(operation["responses"].get(200, {})),
                codes=tuple(sorted(_codes(operation["responses"]))),
            )


def _parameters(operation: Any, schema: Any) -> Iterator[Parameter]:
    for found in operation["parameters"]:
        yield _parameter(found["name"], found["in"], found, required=found["required"])
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    for option in (body, *body.get("anyOf", ())):
        name = option.get("$ref", "").rpartition("/")[2]
        members = schema["components"]["schemas"].get(name, {})
        for member, details in members.get("properties", {}).items():
            yield _parameter(member, "body", details, required=member in members.get("required", ()))


def _parameter(name: str, where: str, details: Any, *, required: bool) -> Parameter:
    said = details.get("description", "").replace("`", "")
    return Parameter(name=name, where=where, required=required, description=said)


def _example(part: Any) -> str:
    example = part.get("content", {}).get("application/json", {}).get("example")
    return "" if example is None else json.dumps(example, indent=2, ensure_ascii=False)


def _codes(responses: Any) -> Iterator[str]:
    for response in responses.values():
        for content in response.get("content", {}).values():
            yield from content.get("examples", ())
