"""Every route of the API, found by itself: what is added is swept, too."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from integrations.api.urls import api
from integrations.models import Connection
from tests.api.calling import PREFIX, Program

#: Bodies for routes that want one; a route that wants another gets it here.
BODIES: dict[str, Any] = {"ConnectIn": {"provider": "here"}}


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """One operation of the OpenAPI document."""

    name: str
    method: str
    path: str
    scope: str
    statuses: frozenset[int | str]
    codes: frozenset[str]
    body: Any = None

    def documents(self, status: int) -> bool:
        """Whether the document has a status; where what answers is a provider, it may be any."""
        return not self.statuses.isdisjoint((status, "default"))

    @property
    def names_a_connection(self) -> bool:
        return "{uuid}" in self.path

    def ask(self, program: Program, connection: Connection) -> Any:
        """Call it, of a connection where it names one."""
        values = {"uuid": str(connection.uuid), "slug": connection.registration.slug}
        path = re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], "x"), self.path)
        return program.ask(self.method, path.removeprefix(PREFIX), self.body)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def routes() -> list[Route]:
    return list(_routes(api.get_openapi_schema(path_prefix=f"{PREFIX}/")))


def _routes(document: Any) -> Iterator[Route]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            security = operation.get("security", [{}])
            (scope,) = [scope for scopes in security[0].values() for scope in scopes] or [""]
            yield Route(
                name=operation["operationId"],
                method=method.upper(),
                path=path,
                scope=scope,
                statuses=frozenset(operation["responses"]),
                codes=frozenset(_codes(operation)),
                body=BODIES.get(_body(operation)),
            )


def _codes(operation: Any) -> Iterator[str]:
    for response in operation["responses"].values():
        for content in response.get("content", {}).values():
            yield from content.get("examples", ())


def _body(operation: Any) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    return str(schema.get("$ref", "")).rpartition("/")[2]
