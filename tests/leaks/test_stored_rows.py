"""What the flows themselves store: no column of any table, at any step, holds a secret in clear or in base64."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.canaries import every_row, leaks
from tests.flows.journey import Journey, stored_tokens
from tests.leaks.passing import live, secrets_of


@pytest.mark.requirement(92)
def test_no_row_that_a_connections_life_leaves_holds_a_secret(journey: Journey) -> None:
    id_tokens: list[str] = []

    authorization_url = journey.begin()
    begun = list(every_row())
    connection = journey.complete(journey.server.authorize(authorization_url)).connection
    connected = list(every_row())
    id_tokens += filter(None, [stored_tokens(connection).id_token])
    live(journey, id_tokens=id_tokens)

    query = parse_qs(urlsplit(authorization_url).query)
    secrets = [*secrets_of(journey.server), *id_tokens, *query["state"], *query.get("nonce", [])]
    for value in {*begun, *connected, *every_row()}:
        assert leaks(value, secrets) == [], value
