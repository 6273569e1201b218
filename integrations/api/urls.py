"""The API's addresses."""

from integrations.api import borrow, connect, connections, events, me, providers, proxy
from integrations.api.hub_api import HubAPI

api = HubAPI(
    title="Integration Hub",
    version="1",
    urls_namespace="api-v1",
    description="See, borrow and connect the accounts that people share with your application.",
)
# What is called most is looked for first.
for part in (borrow, connections, proxy, connect, me, providers, events):
    api.add_router("", part.router)
