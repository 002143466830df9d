"""uvicorn's WebSockets with a limit on frames: the library counts the bytes of messages alone.

Frames without content add nothing to a message and never end it (RFC 6455 5.4), and the loop that
takes them apart serves nobody meanwhile.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import ProtocolError
from websockets.frames import Frame

FRAMES_AT_MOST = 500
"""Of one WebSocket within `FRAMES_WITHIN_S`, pings and parts of messages among them."""
FRAMES_WITHIN_S = 10.0


class LimitedWebSocketProtocol(WebSocketsSansIOProtocol):
    """One WebSocket. Who sends more frames than the limit is closed with 1002."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn.recv_frame = _counting(self.conn.recv_frame)  # type: ignore[assignment, method-assign]


def _counting(receive: Callable[[Frame], None]) -> Callable[[Frame], None]:
    """`receive`, which raises ProtocolError above the limit; the library closes for it."""
    times_s: deque[float] = deque(maxlen=FRAMES_AT_MOST)

    def counted(frame: Frame) -> None:
        now_s = time.monotonic()
        if len(times_s) == FRAMES_AT_MOST and now_s - times_s[0] < FRAMES_WITHIN_S:
            raise ProtocolError("too many frames")
        times_s.append(now_s)
        receive(frame)

    return counted
