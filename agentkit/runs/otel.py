"""Runs as OpenTelemetry traces, by the conventions for generative AI. Off unless host.telemetry is
set; contents of prompts and answers are never sent.

    [host]
    telemetry = "otlp"              # to the endpoint of the OTEL_EXPORTER_OTLP_* variables
    telemetry = "file:traces.jsonl" # one span a line
    telemetry = "global"            # to the provider that the surrounding program set up
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from agentkit.errors import ConfigError
from agentkit.runs.events import Event

STOPPED = ("done", "failed", "waiting", "paused", "cancelled")


class Telemetry:
    """Turns the events of runs into spans: one for each stretch that a run is driven, one below it
    for each call.

    Raises:
        ConfigError: the setting names nothing known, or a package is missing.
    """

    def __init__(self, target: str) -> None:
        self._provider = _provider(target)
        self._tracer = self._provider.get_tracer("agentkit")
        self._runs: dict[str, Any] = {}
        self._calls: dict[tuple[str, str], Any] = {}
        self._agents: dict[str, str] = {}
        self._lock = threading.Lock()

    def begin(self, run: str, agent: str) -> None:
        self._agents[run] = agent

    def event(self, event: Event) -> None:
        verb = event.kind.rpartition(".")[2]
        with self._lock:
            if event.kind == "run.status":
                self._status(event)
            elif event.kind == "error":
                self._failed(event)
            elif verb == "asked" and event.kind != "question.asked":
                self._asked(event)
            elif verb == "done":
                self._done(event)

    def close(self) -> None:
        """Sends what is still held back."""
        flush = getattr(self._provider, "force_flush", None)
        if flush is not None:
            flush()

    def _status(self, event: Event) -> None:
        status, span = event.data["status"], self._runs.get(event.run)
        if status == "running" and span is None:
            agent = self._agents[event.run]
            self._runs[event.run] = self._tracer.start_span(
                f"invoke_agent {agent}",
                start_time=_nanoseconds(event),
                attributes={
                    "gen_ai.operation.name": "invoke_agent",
                    "gen_ai.agent.name": agent,
                    "gen_ai.conversation.id": event.run,
                },
            )
        elif status in STOPPED and span is not None:
            for key in [key for key in self._calls if key[0] == event.run]:
                self._calls.pop(key).end(end_time=_nanoseconds(event))
            span.set_attribute("agentkit.run.status", status)
            span.end(end_time=_nanoseconds(event))
            del self._runs[event.run]

    def _failed(self, event: Event) -> None:
        from opentelemetry.trace import Status, StatusCode

        if event.run in self._runs:
            self._runs[event.run].set_status(Status(StatusCode.ERROR, event.data["message"]))
            self._runs[event.run].set_attribute("error.type", event.data["code"])

    def _asked(self, event: Event) -> None:
        from opentelemetry.trace import SpanKind, set_span_in_context

        name, attributes = _described(event)
        parent = self._runs.get(event.run)
        self._calls[event.run, event.position] = self._tracer.start_span(
            name,
            context=None if parent is None else set_span_in_context(parent),
            kind=SpanKind.CLIENT,
            start_time=_nanoseconds(event),
            attributes={**attributes, "agentkit.position": event.position},
        )

    def _done(self, event: Event) -> None:
        from opentelemetry.trace import Status, StatusCode

        span = self._calls.pop((event.run, event.position), None)
        if span is None:
            return
        usage = event.data.get("usage", ())
        if event.kind == "model.done" and usage:
            span.set_attribute("gen_ai.usage.input_tokens", sum(u["prompt"] for u in usage))
            span.set_attribute("gen_ai.usage.output_tokens", sum(u["spent"] for u in usage))
            span.set_attribute("gen_ai.response.finish_reasons", list(event.data["finish"]))
        fault = event.data.get("error") or event.data.get("denied")
        if isinstance(fault, dict):
            span.set_status(Status(StatusCode.ERROR, str(fault.get("message", ""))))
            span.set_attribute("error.type", str(fault.get("code", "error")))
        span.end(end_time=_nanoseconds(event))


def _described(event: Event) -> tuple[str, dict[str, Any]]:
    """A call's span: its name and attributes, without contents."""
    data, kind = event.data, event.kind.removesuffix(".asked")
    if kind == "model":
        first = data["requests"][0] if data.get("requests") else {}
        return f"chat {data.get('model', '')}", {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "agentkit",
            "gen_ai.request.model": str(data.get("model", "")),
            "gen_ai.request.max_tokens": int(first.get("max_tokens", 0)),
            "gen_ai.request.temperature": float(first.get("temperature", 0.0)),
        }
    if kind == "tool":
        return f"execute_tool {data['tool']}", {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": str(data["tool"]),
        }
    target = data.get("source") or data.get("environment") or ""
    return f"{kind} {target}".strip(), {"gen_ai.operation.name": kind}


def _provider(target: str) -> Any:
    try:
        from opentelemetry import trace
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import (
            BatchSpanProcessor,
            ConsoleSpanExporter,
            SimpleSpanProcessor,
        )
    except ImportError as error:
        raise ConfigError(
            f"host.telemetry is {target!r}, but OpenTelemetry is not installed",
            "pip install 'agentkit-host[otel]', or leave host.telemetry empty",
        ) from error
    if target == "global":
        return trace.get_tracer_provider()
    provider = TracerProvider(resource=Resource.create({"service.name": "agentkit"}))
    kind, _, where = target.partition(":")
    if kind == "file" and where:
        path = Path(where).expanduser()
        path.parent.mkdir(parents=True, exist_ok=True)
        exporter = ConsoleSpanExporter(
            out=path.open("a", encoding="utf-8"),
            formatter=lambda span: span.to_json(indent=None) + "\n",
        )
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    elif target == "otlp":
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        except ImportError as error:
            raise ConfigError(
                'host.telemetry is "otlp", but its exporter is not installed',
                "pip install opentelemetry-exporter-otlp-proto-http",
            ) from error
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    else:
        raise ConfigError(
            f"host.telemetry cannot be {target!r}", 'write "otlp", "file:PATH" or "global"'
        )
    return provider


def _nanoseconds(event: Event) -> int:
    return int(event.time * 1e9)
