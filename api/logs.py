"""Logging of every process that the `mediview` command starts.

Events are static names with keys. What other libraries log goes through the
same lines; those that would write down requests or identifiers are kept quiet.
An exception is logged by its kind and its places: its message may hold values of
a data set or of a statement.
"""

import logging
import sys
import traceback
import warnings
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import structlog

from storage.settings import Settings
from storage.traces.log_lines import TRACE_ID, TraceNames

_QUIET = (
    "PIL",
    "alembic",
    "boto3",
    "botocore",
    "celery.app.trace",
    "celery.beat",
    "celery.worker.consumer.connection",
    "celery.worker.strategy",
    "httpcore",
    "httpx",
    "urllib3",
    "uvicorn.access",
    "uvicorn.error",
)
# Their messages quote values of data sets.
_SILENT = ("highdicom", "pydicom", "pynetdicom")


def _is_no_refusal(record: logging.LogRecord) -> bool:
    """Uvicorn takes the refusal of a web socket, which is answered by HTTP, for an error."""
    return record.getMessage() != "ASGI callable returned without completing handshake."


def configure_logging(settings: Settings) -> None:
    """Send structlog and the standard library's logging to stderr in one form."""
    level = logging.getLevelNamesMapping()[settings.log_level]
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        *([_trace_named(settings.data_dir)] if settings.traces_url else []),
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _tell_exception,
    ]
    renderers: list[structlog.types.Processor] = (
        [structlog.processors.JSONRenderer()]
        if settings.log_format == "json"
        else [_escape_controls, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    structlog.configure(
        processors=[
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    logging.getLogger("uvicorn.error").addFilter(_is_no_refusal)
    if not sys.warnoptions:
        # What libraries warn of a data set quotes its values.
        warnings.simplefilter("ignore")
    # It warns that a broker of files has no host name.
    logging.getLogger("kombu.connection").setLevel(logging.ERROR)


def _trace_named(data_dir: Path) -> structlog.types.Processor:
    """Of a line that names a study: the trace of that study."""
    names = TraceNames(data_dir)

    def name_trace(
        logger: Any, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        del logger, method
        uid = event.get("study_instance_uid")
        if isinstance(uid, str) and (name := names.of_study(uid)):
            event[TRACE_ID] = name
        return event

    return name_trace


def places(error: BaseException) -> list[str]:
    """File and line of the innermost calls that an exception passed."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames]


def _escape_controls(
    logger: Any, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Of what strangers send, such as a message's type: a terminal does what controls ask for."""
    del logger, method
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[key] = "".join(
                one if one.isprintable() else one.encode("unicode_escape").decode() for one in value
            )
    return event


def _tell_exception(
    logger: Any, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    del logger, method
    given = event.pop("exc_info", None)
    error = given[1] if isinstance(given, tuple) else given
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event.setdefault("error", type(error).__name__)
        event["at"] = places(error)
    return event
