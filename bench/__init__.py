"""Measurements: `make bench`, or `make bench ONLY=sweep_50ms`. One JSON object a line.

Each bench runs in a process of its own, once for each database, and measures its floor in the same run: what the
machine gives at that moment without the hub. `ratio` is figure to floor. The provider is another process.
"""
