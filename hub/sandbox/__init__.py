"""A provider to try the hub with: a small notes API guarded by scope. Demo and tests only, never production."""
