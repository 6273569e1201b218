"""How a client's secret is stored."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class ClientSecretHasher(PBKDF2PasswordHasher):
    """Salted PBKDF2 with few rounds.

    Rounds slow down the guessing of passwords that people make up. A client_secret is generated (128 characters from
    a CSPRNG) and checked on every token request, where a password's 1.5 million rounds would cost half a second.
    """

    algorithm = "client_secret_pbkdf2"
    iterations = 1000
