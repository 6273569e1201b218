"""The hub's own authorization server: django-oauth-toolkit, narrowed to what RFC 9700 leaves standing.

configuration    the toolkit's settings
client_secret    how a client's secret is hashed
server           which grants exist: authorization code with S256, refresh token, client credentials
validator        who gets a token, and who no longer does
views  urls      authorize, token, revoke_token, introspect, metadata (RFC 8414); nothing else is exposed
"""
