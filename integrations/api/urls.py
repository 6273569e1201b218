"""The API's addresses."""

from ninja import NinjaAPI

from integrations.api import me, problem, proxy
from integrations.api.caller import BearerRefused
from integrations.oauth.errors import OAuthError

api = NinjaAPI(
    title="Integration Hub",
    version="1",
    urls_namespace="api-v1",
    docs_url=None,
    description="See and borrow the connections that people shared with your application.",
)
api.exception_handler(BearerRefused)(problem.bearer_refused)
api.exception_handler(OAuthError)(problem.flow_stopped)
api.add_router("", me.router)
api.add_router("", proxy.router)
