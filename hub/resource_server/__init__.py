"""The hub's API as a resource server: whose access tokens it takes, and who calls with them."""
