"""What a server counts, for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6)


class Metrics:
    """Counters, times and sizes of a server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        kept = {"registry": self.registry}
        ProcessCollector(**kept)
        self._requests = Counter("placeprint_requests", "Requests.", ("route", "method", "status"), **kept)
        self._seconds = Histogram("placeprint_request_seconds", "Time to answer.", ("route",), buckets=_SECONDS, **kept)
        self._answers = Counter("placeprint_answers", "Answers: sure, likely or UNKNOWN.", ("grade",), **kept)
        self._changes = Counter("placeprint_changes", "Changes of the gallery that are on disk.", **kept)
        self._writes = Counter("placeprint_writes", "Writes that were acknowledged.", ("kind",), **kept)
        self._gauges = {
            name: Gauge(f"placeprint_{name}", about, **kept)
            for name, about in (
                ("gallery_images", "Images in the gallery."),
                ("gallery_places", "Places in the gallery; NaN before anybody asked for them."),
                ("gallery_failing", "1 while the newest state cannot be opened, or the server that keeps it is away."),
                ("gallery_reloads", "Times that the gallery changed and was opened again."),
                ("recognizing", "Photos that are answered, or wait for it."),
                ("body_bytes", "Bytes of uploads in memory."),
            )
        }

    def requested(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def answered(self, grade: str) -> None:
        """Count an answer."""
        self._answers.labels(grade).inc()

    def wrote(self, kinds: list[str]) -> None:
        """Count the writes of one change that is on disk."""
        self._changes.inc()
        for kind in kinds:
            self._writes.labels(kind).inc()

    def text(self, now: Mapping[str, float]) -> bytes:
        """Return all of it in the text format of Prometheus; `now` are the gauges by name."""
        for name, value in now.items():
            self._gauges[name].set(value)
        return generate_latest(self.registry)
