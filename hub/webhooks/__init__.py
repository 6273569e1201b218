"""Pages on which the owner of an application says where it hears of its connections. What is sent, and how, is in
`integrations.flows.webhook_outbox` and its neighbours; docs/webhooks.md is for who receives it."""
