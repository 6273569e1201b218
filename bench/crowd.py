"""Connections by the million, made by the database itself in one statement; for benches of queries, not of tokens."""

from datetime import datetime, timedelta

from django.db import connection as database

from bench import hub
from integrations.models import ClientRegistration

#: The one that has as many connections in each table; all others share the rest alike.
RARE = "rare"
REGISTRATIONS = 20
RARE_ONES = 600
RARE_ONE_IN = 16
OWNS = 5
LIFETIME = timedelta(hours=1)
SERIES = {
    "postgresql": "SELECT n FROM generate_series({first}, {last}) AS given(n)",
    "sqlite": "WITH RECURSIVE given(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM given WHERE n < {last}) "
    "SELECT n FROM given",
}
UUID = {"postgresql": "gen_random_uuid()", "sqlite": "lower(hex(randomblob(16)))"}
MOMENT = {
    "postgresql": "CAST(%s AS timestamptz) + ({seconds}) * interval '1 second'",
    "sqlite": "strftime('%%Y-%%m-%%d %%H:%%M:%%S', %s, '+' || ({seconds}) || ' seconds')",
}


def registrations() -> list[ClientRegistration]:
    """Those of the crowd, in an empty database; the last one is rare, and the only one at its provider."""
    hub.empty_database()
    rows = [ClientRegistration(slug=f"crowd-{n}", provider="sandbox", client_id="hub") for n in range(REGISTRATIONS)]
    rows[-1].slug, rows[-1].provider = RARE, "oauth2"
    return ClientRegistration.objects.bulk_create(rows)


def grow(first: int, last: int, *, at: list[ClientRegistration], now: datetime) -> None:
    """Add connections number `first` to `last`: each falls due once in the hour from `now`, one in ten never."""
    series = SERIES[database.vendor].format(first=first, last=last)
    with database.cursor() as cursor:
        if database.vendor == "sqlite":
            # Random keys want the index in memory, not two megabytes of it.
            cursor.execute("PRAGMA cache_size = -1000000")
        owners = SERIES[database.vendor].format(first=(first - 1) // OWNS + 1, last=last // OWNS)
        cursor.execute(OWNERS_SQL.format(series=owners))
        cursor.execute(
            CONNECTIONS_SQL.format(
                series=series,
                uuid=UUID[database.vendor],
                due_at=MOMENT[database.vendor].format(
                    seconds="n %% {0} * 7919 %% {0}".format(round(LIFETIME.total_seconds()))
                ),
                rare_one_in=RARE_ONE_IN,
                rare_ones=RARE_ONES,
                common=len(at) - 1,
                owns=OWNS,
            ),
            [at[-1].pk, at[0].pk, now],
        )
        cursor.execute("ANALYZE")
    # What is measured is measured with the hub's own settings.
    database.close()


OWNERS_SQL = """
INSERT INTO auth_user (username, password, first_name, last_name, email, is_staff, is_active, is_superuser, date_joined)
SELECT 'owner' || n, '!', '', '', '', false, true, false, CURRENT_TIMESTAMP FROM ({series}) AS numbers
"""
CONNECTIONS_SQL = """
INSERT INTO integrations_connection (
    uuid, owner_id, registration_id, grant_type, issuer, subject, account_label, name, variables, status,
    granted_scope, requested_features, access_lifetime_seconds, refresh_due_at, has_refresh_token, version,
    lease_owner, refresh_sent, failure_count, last_error_code, provider_data
)
SELECT
    {uuid}, (SELECT min(id) FROM auth_user) + (n - 1) / {owns},
    CASE WHEN n %% {rare_one_in} = 0 AND n <= {rare_one_in} * {rare_ones} THEN %s ELSE %s + n %% {common} END,
    'authorization_code', 'https://issuer.example.test', 'subject-' || n, '', '', '{{}}', 'active',
    'notes:read profile', '[]', 3600, CASE WHEN n %% 10 = 1 THEN NULL ELSE {due_at} END, true, 1,
    '', false, 0, '', '{{}}'
FROM ({series}) AS numbers
"""
