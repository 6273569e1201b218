"""The project: settings, addresses, and the hub's own authorization server."""
