"""What a token may be asked to be for (RFC 8707): the hub's API, by the one name it has."""

from collections.abc import Collection

from oauthlib.common import Request
from oauthlib.oauth2.rfc6749 import errors

from hub.resource_server.identifier import api_identifier


def values_of(request: Request) -> list[str]:
    """The resource indicators of a request: in a query or form they may be repeated, on the consent page they are not.

    oauthlib's own view of parameters holds the last of each name.
    """
    pairs = [*request.uri_query_params, *(request.decoded_body or [])]
    sent = [value for name, value in pairs if name == "resource"]
    kept = getattr(request, "resource", None)
    return [*sent, *kept] if isinstance(kept, list) else sent


def refuse_other_resources(asked: Collection[str], request: Request, *, held: Collection[str] = ()) -> list[str]:
    """The resource indicators that were asked for, each once; `held` is what they may be chosen from, empty for any.

    Raises:
        CustomOAuth2Error: invalid_target, if one of them is not our API, or not held (§2).
    """
    if any(value != api_identifier() or (held and value not in held) for value in asked):
        description = f"The only resource here is {api_identifier()}"
        raise errors.CustomOAuth2Error("invalid_target", description=description, request=request)
    return list(dict.fromkeys(asked))
