"""The API as django-ninja has it, with what ninja leaves open: strict bodies, problems, methods, a true description."""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.request import RawPostDataException
from django.urls import URLPattern, URLResolver, path
from django.utils import translation
from django.views.decorators.http import require_GET
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.operation import Operation
from ninja.responses import NinjaJSONEncoder

from integrations.api import docs, document, problem
from integrations.api.caller import BearerRefused, PersonRequired, Scoped
from integrations.api.edge import guarded, nowhere
from integrations.api.quota import QuotaSpent
from integrations.api.strict_json import StrictParser
from integrations.flows.answered import InProgress, KeyReused
from integrations.oauth.errors import OAuthError

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise


class HubAPI(NinjaAPI):
    """`scope_titles` says in words what each scope allows; it may be set before addresses are made."""

    scope_titles: Mapping[str, "str | StrPromise"] = {}

    def __init__(self, **options: Any) -> None:
        super().__init__(docs_url=None, parser=StrictParser(), **options)
        for kind, handler in _HANDLERS:
            self.add_exception_handler(kind, handler)

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.operation_id or operation.view_func.__name__

    def get_openapi_schema(self, **options: Any) -> Any:
        schema = super().get_openapi_schema(**options)
        titles = {name: str(title) for name, title in self.scope_titles.items()}
        document.complete(schema, scope_of=self._scopes(schema), titles=titles)
        return schema

    def described(self) -> Any:
        """The whole document, to be read only; made once, as nothing of it is of who asks."""
        return _described(self, settings.SITE_URL)[0]

    def _scopes(self, schema: Any) -> dict[tuple[str, str], str]:
        wanted = {
            self.get_openapi_operation_id(operation): callback.scope
            for router in self._get_bound_routers()
            for view in router.path_operations.values()
            for operation in view.operations
            for callback in operation.auth_callbacks
            if isinstance(callback, Scoped)
        }
        return {
            (address, method): wanted[operation["operationId"]]
            for address, methods in schema["paths"].items()
            for method, operation in methods.items()
            if operation["operationId"] in wanted
        }

    def _get_urls(self) -> list[URLPattern | URLResolver]:
        found = super()._get_urls()
        for pattern in found:
            if isinstance(pattern, URLPattern):
                own = {"api-root": nowhere, "openapi-json": guarded(_document_of(self))}
                pattern.callback = own.get(pattern.name or "") or guarded(pattern.callback)
        return [*found, path("docs", docs.page(self), name="docs"), path("<path:rest>", nowhere, name="nowhere")]


@lru_cache(maxsize=1)
def _described(api: HubAPI, site_url: str) -> tuple[Any, bytes]:
    """An API's document, as it is and as it is sent; made anew when the setting differs, which its addresses are of."""
    with translation.override(settings.LANGUAGE_CODE):
        schema = api.get_openapi_schema()
        return schema, json.dumps(schema, cls=NinjaJSONEncoder).encode()


def _document_of(api: HubAPI) -> Callable[[HttpRequest], HttpResponse]:
    @require_GET
    def openapi(request: HttpRequest) -> HttpResponse:
        """The description for programs."""
        content = _described(api, settings.SITE_URL)[1]
        return HttpResponse(content, content_type="application/json; charset=utf-8")

    return openapi


def _too_big(request: HttpRequest, _: Exception) -> HttpResponse:
    return problem.coded("body_too_large")


def _no_json(request: HttpRequest, _: Exception) -> HttpResponse:
    """A form, which was read as one already."""
    return problem.coded("media_type_unsupported")


_HANDLERS: tuple[tuple[type[Exception], Any], ...] = (
    (BearerRefused, problem.bearer_refused),
    (PersonRequired, problem.person_required),
    (QuotaSpent, problem.quota_spent),
    (OAuthError, problem.flow_stopped),
    (HttpError, problem.unreadable),
    (ValidationError, problem.invalid),
    (problem.Misfit, problem.misfit),
    (problem.NoSuchProvider, problem.no_such_provider),
    (KeyReused, problem.key_reused),
    (InProgress, problem.in_progress),
    (RequestDataTooBig, _too_big),
    (RawPostDataException, _no_json),
)
