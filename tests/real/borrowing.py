"""A process that borrows when it is told to: `python -m tests.real.borrowing`, a connection's id a line.

It answers each with the token, or with the code of what stopped it.
"""

import sys

import django

if __name__ == "__main__":
    django.setup()
    from integrations.flows import access
    from integrations.models import Connection
    from integrations.oauth.errors import OAuthError

    for line in sys.stdin:
        try:
            answer = access.token(Connection.objects.get(pk=int(line))).value
        except OAuthError as error:
            answer = f"refused: {error.code}"
        print(answer, flush=True)
