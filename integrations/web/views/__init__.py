"""One module per page, or per pages that belong together."""
