"""Client of MediViewAI, the imaging node beside the PACS.

`MediView` waits for each answer, `AsyncMediView` is the same for asyncio and trio. Answers are
dictionaries of the API, typed by `mediview_client.types`.
"""

from mediview_client._async.client import AsyncMediView
from mediview_client._sync.client import MediView
from mediview_client.errors import (
    ApiError,
    ClaimUnanswered,
    InvalidSignature,
    MediViewClientError,
    SourceChanged,
    UploadInterrupted,
    WaitTimeout,
)
from mediview_client.server_events import NodeEvent
from mediview_client.signatures import verify_notice

__all__ = [
    "ApiError",
    "AsyncMediView",
    "ClaimUnanswered",
    "InvalidSignature",
    "MediView",
    "MediViewClientError",
    "NodeEvent",
    "SourceChanged",
    "UploadInterrupted",
    "WaitTimeout",
    "verify_notice",
]
