"""All metrics in Prometheus's text format: what the processes of this machine counted, and what the database says."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from time import time

from django.conf import settings
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from hub.watching.kept_figures import Kept, kept_figures
from integrations import measures
from integrations.flows.figures import FIGURES
from integrations.flows.readiness import journal_files
from integrations.measures import Measure
from integrations.measures.gather import Gathered, gather

__all__ = ("CONTENT_TYPE", "exposition")

type Counts = Mapping[tuple[str, ...], float]


def exposition() -> bytes:
    """The text that a scraper reads."""
    gathered = gather(settings.HUB_METRICS_DIRECTORY)
    return generate_latest(_Collector(gathered, kept_figures(settings.HUB_METRICS_DIRECTORY)))


class _Collector(Collector):
    def __init__(self, gathered: Gathered, kept: Kept) -> None:
        self._gathered, self._kept = gathered, kept

    def collect(self) -> Iterator[Metric]:
        by_name: defaultdict[str, dict[tuple[str, ...], float]] = defaultdict(dict)
        for (name, *labels), value in self._gathered.counts.items():
            by_name[name][tuple(labels)] = value
        for measure in measures.ALL:
            family = _histogram if measure.bounds else _counter
            yield family(measure, by_name[measure.name])
        yield from _figures(self._kept)
        yield from _of_this_machine(self._gathered.processes)


def _counter(measure: Measure, counts: Counts) -> Metric:
    family = CounterMetricFamily(measure.name, measure.help, labels=measure.labels)
    for labels, value in sorted(counts.items()):
        if len(labels) == len(measure.labels):
            family.add_metric(labels, value)
    return family


def _histogram(measure: Measure, counts: Counts) -> Metric:
    family = HistogramMetricFamily(measure.name, measure.help, labels=measure.labels)
    bounds = [*map(str, measure.bounds), measures.BEYOND]
    for labels in sorted({labels[:-1] for labels in counts if len(labels) == len(measure.labels) + 1}):
        total, buckets = 0.0, []
        for bound in bounds:
            total += counts.get((*labels, bound), 0.0)
            buckets.append((bound, total))
        family.add_metric(labels, buckets, sum_value=counts.get((*labels, measures.SUM), 0.0))
    return family


def _figures(kept: Kept) -> Iterator[Metric]:
    for figure in FIGURES:
        family = GaugeMetricFamily(figure.name, figure.help, labels=figure.labels)
        for labels, value in sorted(kept.values.get(figure.name, {}).items()):
            family.add_metric(labels, value)
        yield family
    ages = GaugeMetricFamily("hub_figures_age_seconds", "How old what the database said is.", labels=["query"])
    for query, age in sorted(kept.ages.items()):
        ages.add_metric([query], age)
    yield ages


def _of_this_machine(processes: int) -> Iterator[Metric]:
    yield GaugeMetricFamily("hub_processes", "Processes on this machine that are counting.", value=processes)
    written = journal_files()
    yield GaugeMetricFamily("hub_journal_files", "Files in this machine's recovery journal.", value=len(written))
    oldest = max(0.0, time() - min(written)) if written else 0.0
    yield GaugeMetricFamily("hub_journal_oldest_age_seconds", "How long the oldest has lain there.", value=oldest)
