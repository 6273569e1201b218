"""Why a command stops, and the exit code that says so."""


class Stopped(Exception):
    """A command that cannot go on. The text says what to do; it holds no secret.

    ``exit_code``: 1 it failed; 3 sign in first; 4 a person must agree; 5 try again later.
    """

    exit_code = 1


class SignInNeeded(Stopped):
    """There are no credentials for this hub, or they are no longer good."""

    exit_code = 3


class ConsentNeeded(Stopped):
    """A person must agree to it, on the page that the text names."""

    exit_code = 4


class TryLater(Stopped):
    """It may work later: the network, the hub or a provider is not to be reached, or asks for a pause."""

    exit_code = 5
