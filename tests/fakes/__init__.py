"""Providers that live inside the test process and speak real HTTP on loopback."""
