"""Applications as people and operators meet them: what each may use, who registered it, and its end.

scope             which scope concerns connections
choice            which connections and features a person lets an application use: what a page shows, what comes back
authorizations    the applications that a person allowed, and how that ends
kinds             the four kinds of application, in words and in the toolkit's
redirect_uris     which addresses an application may register
recipient         to whom an operator opens something: an application here, or a client of another issuer
registration      an application is registered, gets another secret, ends
models            an application that an operator switched off
suspension        what the authorization server asks about that
views  own_views  the pages; urls and forms with them
admin             for operators: switch off, and open the hub's own connections to an application
admin_form        what operators may change about one
"""
