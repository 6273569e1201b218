"""Find an access token, its application and its person: at every call of the API, and so by a prepared read."""

import hashlib

from django.db.models import QuerySet
from oauth2_provider.models import AccessToken
from oauth2_provider.oauth2_validators import OAuth2Validator

from integrations.models.prepared import PreparedRead

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


class PreparedTokenValidator(OAuth2Validator):  # type: ignore[misc]
    """Reads a token as the toolkit does, sooner; of an application that is switched off there is none."""

    def _load_access_token(self, token: str) -> AccessToken | None:
        found = _BY_CHECKSUM.first(checksum=hashlib.sha256(token.encode()).hexdigest())
        return None if found is None or hasattr(found.application, "suspension") else found
