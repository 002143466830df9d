"""Spans as OpenTelemetry has them, sent by OTLP over HTTP."""

import logging
import platform
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

from storage.settings import Settings
from storage.traces.spans import Span

# With what the library tries again by itself.
_TIMEOUT_S = 10.0
_SCOPE = InstrumentationScope("mediview.study", version("mediview"))
_EPOCH = datetime.fromtimestamp(0, UTC)
_MICROSECOND = timedelta(microseconds=1)

# It would name the collector's answer at each attempt; the node says once that none is taken.
logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)


class Collector:
    """Where traces go, as MEDIVIEW_TRACES_URL has it."""

    def __init__(self, settings: Settings) -> None:
        authorization = settings.traces_authorization.get_secret_value()
        self._exporter = OTLPSpanExporter(
            endpoint=settings.traces_url,
            headers={"Authorization": authorization} if authorization else None,
            timeout=_TIMEOUT_S,
            compression=Compression.Gzip,
        )
        self._resource = Resource(
            {
                "service.name": "mediview",
                "service.version": version("mediview"),
                "host.name": platform.node(),
            }
        )

    def takes(self, spans: Iterable[Span]) -> bool:
        """Send them; False where the collector is out of reach or refused them. Blocks for 10 s."""
        sent = self._exporter.export([self._readable(span) for span in spans])
        return sent is SpanExportResult.SUCCESS

    def close(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def _readable(self, span: Span) -> ReadableSpan:
        return ReadableSpan(
            span.name,
            context=_context(span.trace_id, span.span_id),
            parent=None if span.parent_id is None else _context(span.trace_id, span.parent_id),
            resource=self._resource,
            attributes=dict(span.attributes),
            status=Status(StatusCode.ERROR if span.is_error else StatusCode.UNSET),
            start_time=_nanoseconds(span.begun_at),
            # A clock that was set back between the two makes it no length below nothing.
            end_time=_nanoseconds(max(span.begun_at, span.ended_at)),
            instrumentation_scope=_SCOPE,
        )


def _context(trace_id: int, span_id: int) -> SpanContext:
    return SpanContext(
        trace_id, span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED)
    )


def _nanoseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND * 1000
