"""What the server counts, for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from agentkit.capabilities import Usage

SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Asked:
    """What is known of one HTTP request so far: for metrics, and to say which field was wrong.

    model stays "" until one that is served was named, so that clients cannot make up labels."""

    def __init__(self, route: str) -> None:
        self.route, self.model = route, ""
        self.fields: Sequence[str] = ()
        self._began = time.monotonic()
        self._first = True

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def first(self) -> bool:
        """True once."""
        first, self._first = self._first, False
        return first


class Metrics:
    """In a registry of their own, so that several servers in one process do not meet."""

    def __init__(self, running: Callable[[], int], waiting: Callable[[], int]) -> None:
        self._registry = registry = CollectorRegistry()
        self._answered = Counter(
            "agentkit_requests",
            "Requests by model, route and HTTP status",
            ("model", "route", "status"),
            registry=registry,
        )
        self._left = Counter(
            "agentkit_clients_left", "Clients that left before the end", registry=registry
        )
        self._tokens = Counter(
            "agentkit_tokens",
            "Tokens by model: read (prompt), answered, and spent on answers, discarded included",
            ("model", "kind"),
            registry=registry,
        )
        self._seconds = Histogram(
            "agentkit_request_seconds",
            "From the first byte to the end of the answer",
            ("model",),
            buckets=SECONDS,
            registry=registry,
        )
        self._first = Histogram(
            "agentkit_first_text_seconds",
            "From the first byte to the first text of a streamed answer",
            ("model",),
            buckets=SECONDS,
            registry=registry,
        )
        Gauge("agentkit_running", "Requests being answered", registry=registry).set_function(
            running
        )
        Gauge("agentkit_waiting", "Requests in line", registry=registry).set_function(waiting)

    def answered(self, asked: Asked, status: int) -> None:
        """A request came to its end."""
        self._answered.labels(asked.model, asked.route, str(status)).inc()
        self._seconds.labels(asked.model).observe(asked.seconds)

    def first(self, asked: Asked) -> None:
        """Text was streamed; only the first one counts."""
        if asked.first():
            self._first.labels(asked.model).observe(asked.seconds)

    def left(self) -> None:
        self._left.inc()

    def spent(self, model: str, usage: Usage) -> None:
        for kind, count in (
            ("prompt", usage.prompt),
            ("completion", usage.completion),
            ("spent", usage.spent),
        ):
            self._tokens.labels(model, kind).inc(count)

    def text(self) -> bytes:
        """The text format of Prometheus."""
        return generate_latest(self._registry)
