"""The hub's own authorization server: django-oauth-toolkit, narrowed to what RFC 9700 leaves standing.

configuration          the toolkit's settings
server                 which grants exist: authorization code with S256, refresh token, client credentials, device code
validator              who gets a token, and who no longer does; made of
  client_authentication    who a client is, and which redirect URIs are its own
  codes                    authorization codes: hashed, redeemed once, remembered
  resource                 what a token may be bound to (RFC 8707)
device_grant  devices  the device grant (RFC 8628): at the token endpoint; its rows, codes and limits
client_secret          how a client's secret is hashed
limits                 how often something may be done, counted in the database
parameters             what of a request is looked at
endpoints              token, revoke_token, introspect, device_authorization: what programs call
registration           the same, for clients that register (RFC 7591); off
consent  device_page   what people see: authorize, and where they let a device in
metadata               what is said of all this (RFC 8414, RFC 9728)
models                 devices that wait, codes that were spent, counts; deleted by the command `prune_grants`
                       (a device's row stands below, in `hub.device_authorization`, as applications ask it too)
urls                   what answers; nothing else of the toolkit is exposed
"""
