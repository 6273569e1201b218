"""Find an access token, its application and its person: at every call of the API, and so by a prepared read."""

import hashlib
from uuid import UUID

from django.db.models import QuerySet
from oauth2_provider.models import AccessToken, Application
from oauth2_provider.oauth2_validators import OAuth2Validator

from integrations.flows import lend
from integrations.models import Allowance, Connection
from integrations.models.prepared import PreparedPair, PreparedRead

#: What is looked at at every call; the rest of these rows is read when somebody asks for it.
LOOKED_AT = (
    *("expires", "scope", "resource"),
    *("application__client_id", "application__name", "application__redirect_uris", "application__suspension__id"),
    *("user__username", "user__is_active"),
)


def _by_checksum(*, checksum: str) -> QuerySet[AccessToken]:
    rows: QuerySet[AccessToken] = AccessToken.objects.select_related("application__suspension", "user")
    return rows.only(*LOOKED_AT).filter(token_checksum=checksum)


_BY_CHECKSUM = PreparedRead(
    AccessToken, _by_checksum, checksum=(AccessToken._meta.get_field("token_checksum"), "0" * 64)
)


#: A token and what opens a connection to its application, acting for its person.
_WITH_RULE = PreparedPair(
    _BY_CHECKSUM,
    lend.RULES_OF_PEOPLE,
    on=(
        (Application._meta.get_field("client_id"), Allowance._meta.get_field("client_id")),
        (AccessToken._meta.get_field("user"), Allowance._meta.get_field("person")),
        (AccessToken._meta.get_field("user"), Connection._meta.get_field("owner")),
    ),
)


class PreparedTokenValidator(OAuth2Validator):  # type: ignore[misc]
    """Reads a token as the toolkit does, sooner; of an application that is switched off there is none.

    `connection` may be set before: `rule` is then what opens it to whoever has the token.
    """

    connection: UUID | None = None
    rule: Allowance | None = None

    def _load_access_token(self, token: str) -> AccessToken | None:
        checksum = hashed_token(token)
        if self.connection is None:
            found = _BY_CHECKSUM.first(checksum=checksum)
        else:
            found, self.rule = _WITH_RULE.first(checksum=checksum, uuid=self.connection) or (None, None)
        return None if found is None or hasattr(found.application, "suspension") else found


def hashed_token(token: str) -> str:
    """What the toolkit stores of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
