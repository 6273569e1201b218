"""A client of the Integration Hub for a terminal. It needs nothing but Python."""

__version__ = "0.1.0"
