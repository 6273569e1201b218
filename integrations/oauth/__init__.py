"""An OAuth 2.0 client: the RFCs as functions on values, and two ways to move the bytes.

It stands alone: it knows no framework, database or other module of this project. The protocol is sans-I/O,
each step builds a `Request` or judges a `Response`, so one connection in hand and a sweep over thousands
obey the same rules.

    errors            every way an exchange can fail, and who can fix it
    message           Request, Response and how a body is read
    pkce              RFC 7636, S256 only
    scope             RFC 6749 §3.3: reading scope and comparing what was asked with what was granted
    server            AuthorizationServer (RFC 8414's words) and Dialect, the departures from the RFCs
    client_authentication  how a client proves who it is at the token endpoint (RFC 6749 §2.3)
    client            Client: the authorization request and response, the token, revocation and userinfo
    requests token             the one judge of token responses (RFC 6749 §5)
    revocation        RFC 7009
    userinfo          OpenID Connect Core §5.3, and providers that answer the same question their own way
    id_token, jwks    OpenID Connect Core §3.1.3.7 and §12.2; the provider's keys
    single_flight     one thread fetches what many ask for
    discovery         RFC 8414 and OpenID Connect Discovery
    address           which hosts may be called at all
    certificate       how long a server's certificate lasts, and what is wrong with one that is refused
    transport         requests: one call, many threads
    async_transport, wire  an event loop: many calls, one thread; one of its connections
"""
