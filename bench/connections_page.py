"""The list of connections of somebody who has 200, through the whole of Django, signed in.

Floor: the same page of somebody who has none. Exit code 1 when the number of queries depends on how many there are, or
when 200 connections cost more than half of the requests per second.
"""

import sys
import time
from datetime import timedelta
from statistics import median

from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bench import hub
from integrations.models import ClientRegistration, Connection

COUNTS = (1, 25, 200)
PATH = "/connections/"
#: Short and many, by turns: what else the machine does hits both alike.
ROUNDS = 25
REQUESTS = 20
RATIO_AT_LEAST = 0.5


def main() -> int:
    hub.empty_database()
    registration = hub.register("http://127.0.0.1:9")
    nobody = signed_in("nobody", 0, registration)
    people = {count: signed_in(f"person{count}", count, registration) for count in COUNTS}
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")
    queries = {count: queries_of(client) for count, client in people.items()}
    empty, full = [], []
    for _ in range(ROUNDS):
        empty.append(requests_per_second(nobody))
        full.append(requests_per_second(people[200]))
    hub.report(
        "connections_page",
        figure=median(full),
        unit="requests/s",
        floor=median(empty),
        n=200,
        queries=queries,
        queries_empty=queries_of(nobody),
        rounds=[round(figure) for figure in full],
        floor_rounds=[round(figure) for figure in empty],
    )
    steady = len({*queries.values()}) == 1
    return 0 if steady and median(full) >= RATIO_AT_LEAST * median(empty) else 1


def signed_in(username: str, count: int, registration: ClientRegistration) -> Client:
    """Somebody with so many connections, in every state."""
    user = hub.User.objects.create_user(username)
    now = timezone.now()
    kinds: tuple[dict[str, object], ...] = (
        {"status": Connection.Status.NEEDS_REAUTHORIZATION, "last_error_code": "invalid_grant"},
        {"refresh_expires_at": now + timedelta(days=3)},
        {"failure_count": 2, "last_error_code": "timeout"},
        {"last_used_at": now - timedelta(hours=3)},
        {},
    )
    Connection.objects.bulk_create(
        Connection(
            owner=user,
            registration=registration,
            issuer="https://issuer.example.test",
            subject=f"subject-{number}",
            account_label=f"person{number}@example.test",
            granted_scope=hub.SCOPE,
            access_expires_at=now + timedelta(hours=1),
            has_refresh_token=True,
            version=1,
            **kinds[number % len(kinds)],
        )
        for number in range(count)
    )
    client = Client()
    client.force_login(user)
    return client


def queries_of(client: Client) -> int:
    page(client)
    with CaptureQueriesContext(database) as queries:
        page(client)
    return len(queries)


def requests_per_second(client: Client) -> float:
    began = time.perf_counter()
    for _ in range(REQUESTS):
        page(client)
    return REQUESTS / (time.perf_counter() - began)


def page(client: Client) -> None:
    answer = client.get(PATH, headers={"host": "127.0.0.1"})
    assert answer.status_code == 200, answer.status_code


if __name__ == "__main__":
    sys.exit(main())
