"""A sweep of 5,000 due connections at a provider that answers at once, 256 in flight: what a refresh costs the hub.

Floor and the rest as in `sweep_50ms`.
"""

from bench import sweep_50ms

if __name__ == "__main__":
    sweep_50ms.measure("sweep_0ms", delay_seconds=0.0)
