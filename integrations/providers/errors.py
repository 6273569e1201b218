"""How the catalogue refuses.

CatalogueError            an entry is wrong, or asked for something it lacks
├── VariableRefused       a value for a variable of the entry
├── UnknownProvider       no such entry
├── UnknownFeature        no such feature in the entry
└── ApiUrlRefused         an address that must not be sent this provider's token
"""

from integrations.oauth.errors import Remedy


class CatalogueError(Exception):
    """Root of floor 1's providers; only an operator can mend what is in the catalogue."""

    code = "catalogue_invalid"
    remedy = Remedy.OPERATOR


class VariableRefused(CatalogueError):
    """A variable's value does not fit; `field` and `help` are for the form that asked."""

    code = "variable_refused"

    def __init__(self, field: str, help: str) -> None:
        super().__init__(f"{field}: {help}")
        self.field = field
        self.help = help


class FieldRefused(VariableRefused):
    """Another field of a registration does not fit."""

    code = "field_refused"


class UnknownProvider(CatalogueError, LookupError):
    """There is no entry of that slug."""

    code = "provider_unknown"


class UnknownFeature(CatalogueError, LookupError):
    """The entry has no feature of that slug."""

    code = "feature_unknown"


class ApiUrlRefused(CatalogueError):
    """The address is not on the provider's API: a token sent there would be given away."""

    code = "api_url_refused"
