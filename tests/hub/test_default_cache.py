"""The cache that is there without any setting: what is counted in it limits sign-ins and callers."""

from integrations.flows import tally


def test_count_is_not_forgotten_for_a_few_thousand_others() -> None:
    tally.count("ours", window=1, seconds=60)
    for number in range(2000):
        tally.count(f"other-{number}", window=1, seconds=60)
    assert tally.count("ours", window=1, seconds=60) == 2
