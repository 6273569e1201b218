"""The API: other programs see and borrow what was shared with them. Addresses under `/api/v1/`; see docs/api.md."""
