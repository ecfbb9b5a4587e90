"""The figures of a build for Prometheus, read from its meters whenever somebody looks."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rankmill.errors import ConfigError
from rankmill.watch import Watch

_HOST = "127.0.0.1"
_COUNTS = {
    "calls": "Requests that the teacher answered.",
    "reused": "Requests that the reply store answered.",
    "refused": "Requests that an endpoint rejected.",
    "tokens_in": "Tokens of the prompts that were answered.",
    "tokens_cached": "Those of them that the teacher took from its prefix cache.",
    "tokens_out": "Tokens that were generated.",
}
_TEACHER, _STAGE = ("teacher",), ("stage",)
Labels = tuple[str, ...]
Rows = Iterable[tuple[Labels, float]]


@contextmanager
def served(watch: Watch, port: int) -> Iterator[None]:
    """Serve a build's figures at `http://127.0.0.1:<port>/metrics` while the context lasts.

    Raises:
        ConfigError: The port is taken, or may not be used.
    """
    from prometheus_client import CollectorRegistry, start_http_server

    registry = CollectorRegistry()
    registry.register(Figures(watch))
    try:
        server, thread = start_http_server(port, addr=_HOST, registry=registry)
    except OSError as error:
        raise ConfigError(
            f"RANKMILL_METRICS_PORT: {_HOST}:{port} cannot be used: {error.strerror}"
        ) from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Figures:
    """A collector in Prometheus's sense: it holds nothing, and reads when asked."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def collect(self) -> Iterator[Any]:
        """Every figure as it is now; money only where a price is known."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        for name, meaning, labels, rows in self._counts():
            yield _filled(CounterMetricFamily(f"rankmill_{name}", meaning, labels=labels), rows)
        for name, meaning, labels, rows in self._gauges():
            yield _filled(GaugeMetricFamily(f"rankmill_{name}", meaning, labels=labels), rows)

    def _counts(self) -> Iterator[tuple[str, str, Labels, Rows]]:
        meters = self._watch.teachers.meters.items()
        for name, meaning in _COUNTS.items():
            yield name, meaning, _TEACHER, [((one,), getattr(meter, name)) for one, meter in meters]
        causes = [((one, why), n) for one, meter in meters for why, n in meter.retries.items()]
        yield "retries", "Requests that were sent again.", ("teacher", "cause"), causes
        money = [((one,), meter.money) for one, meter in meters if meter.money is not None]
        yield "money", "What the tokens cost.", _TEACHER, money

    def _gauges(self) -> Iterator[tuple[str, str, Labels, Rows]]:
        queues = self._watch.teachers.queues.items()
        flying = [((one,), flying) for one, (flying, _) in queues]
        yield "in_flight", "Requests that wait for an answer.", _TEACHER, flying
        waiting = [((one,), waiting) for one, (_, waiting) in queues]
        yield "waiting", "Requests that wait for a place.", _TEACHER, waiting
        works = list(self._watch.works.values())
        done = [((work.stage,), work.done) for work in works]
        yield "stage_done", "Requests of the stage that are done.", _STAGE, done
        total = [((work.stage,), work.total) for work in works]
        yield "stage_total", "Requests of the stage, at most.", _STAGE, total
        pulse = self._watch.pulse
        left = [((), pulse.seconds_left)] if pulse and pulse.seconds_left is not None else []
        yield "seconds_left", "Until the stages at work are done.", (), left


def _filled(family: Any, rows: Rows) -> Any:  # noqa: ANN401 - a metric family of prometheus_client
    for labels, figure in rows:
        family.add_metric(labels, figure)
    return family
