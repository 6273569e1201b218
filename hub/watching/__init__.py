"""What tells operators and their machines how the hub does: health, metrics, a line per request, traces.

The application counts (`integrations.measures`) and marks spans (`integrations.traces`); here it is told.
"""
