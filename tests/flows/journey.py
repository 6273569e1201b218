"""A person with a browser who connects an account through the flows, at a provider on loopback."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User

from integrations import vault
from integrations.flows import connect
from integrations.flows.connect import Completed
from integrations.models import ClientRegistration, Connection
from integrations.vault import TokenSet
from tests.clock import Clock
from tests.fakes.authorization_server import FakeAuthorizationServer

type Pairs = Sequence[tuple[str, str]]


@dataclass(kw_only=True)
class Journey:
    """Steps of a person at one registration; `browser` is what their session keeps."""

    user: User
    registration: ClientRegistration
    server: FakeAuthorizationServer
    clock: Clock
    browser: str = "a browser"
    request_id: str = "0123456789"

    def begin(self, *features: str, connection: Connection | None = None, return_to: str = "") -> str:
        """The authorization URL."""
        return connect.begin(
            user=self.user,
            browser=self.browser,
            registration=self.registration,
            features=features,
            connection=connection,
            return_to=return_to,
            now=self.clock(),
            request_id=self.request_id,
        )

    def complete(self, pairs: Pairs) -> Completed:
        """Bring an authorization response to the hub."""
        return connect.complete(
            user=self.user,
            browser=self.browser,
            registration=self.registration,
            pairs=pairs,
            now=self.clock(),
            request_id=self.request_id,
        )

    def connect(
        self,
        *features: str,
        account: str = "alice",
        scope: str | None = None,
        connection: Connection | None = None,
    ) -> Connection:
        """Begin, agree at the provider, complete; the row as it is afterwards."""
        pairs = self.server.authorize(self.begin(*features, connection=connection), account=account, scope=scope)
        return fresh(self.complete(pairs).connection)


def fresh(connection: Connection) -> Connection:
    """The row as the database has it now."""
    return Connection.objects.select_related("registration", "owner").get(pk=connection.pk)


def stored_tokens(connection: Connection) -> TokenSet:
    """What the vault holds for this connection now."""
    return vault.read(Connection.objects.select_related("vault_entry").get(pk=connection.pk))


def kinds(connection: Connection) -> list[str]:
    """The events of a connection, oldest first."""
    return [event.kind for event in connection.events.order_by("pk")]
