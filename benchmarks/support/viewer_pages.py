"""What is watched in a page that draws with Cornerstone3D, our viewer or OHIF alike."""

import contextlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, CDPSession, Page

from benchmarks.support.dicomweb_servers import children, pss_mb

# Events of Cornerstone go to the element of a viewport and do not bubble; a listener on the
# document in the capturing phase hears those of every page.
_WATCH = """
(() => {
  const seen = { askedAt: 0, firstAt: 0, drawn: 0, open: -1, last: -1, frames: new Map() };
  seen.onDrawn = () => {};
  window.watched = seen;
  const probe = document.createElement("canvas");
  probe.width = probe.height = 24;
  const isPicture = (canvas) => {
    const context = probe.getContext("2d", { willReadFrequently: true });
    context.drawImage(canvas, 0, 0, 24, 24);
    const { data } = context.getImageData(6, 6, 12, 12);
    const values = new Set();
    for (let index = 0; index < data.length; index += 4) values.add(data[index]);
    return values.size > 8;
  };
  for (const type of ["click", "popstate"]) {
    window.addEventListener(type, () => { seen.askedAt = performance.now(); }, true);
  }
  document.addEventListener("CORNERSTONE_STACK_NEW_IMAGE", (event) => {
    seen.open = event.detail.imageIdIndex ?? event.detail.image?.imageId;
  }, true);
  document.addEventListener("CORNERSTONE_IMAGE_RENDERED", (event) => {
    if (seen.open !== seen.last) {
      seen.last = seen.open;
      seen.drawn += 1;
      seen.onDrawn();
    }
    if (seen.firstAt) return;
    const canvas = event.target.querySelector("canvas");
    if (canvas && isPicture(canvas)) seen.firstAt = performance.now();
  }, true);
  new PerformanceObserver((list) => {
    for (const { name, responseEnd } of list.getEntries()) {
      if (name.includes("/frames/")) seen.frames.set(name, responseEnd);
    }
  }).observe({ type: "resource", buffered: true });
})();
"""

_SCROLL = """
async (down) => {
  const target = document.querySelector(".cornerstone-canvas") ?? document.querySelector("canvas");
  const { left, top, width, height } = target.getBoundingClientRect();
  const place = { clientX: left + width / 2, clientY: top + height / 2 };
  // Cornerstone asks the older wheelDelta for the direction.
  const by = down ? 1 : -1;
  const turn = { deltaY: 100 * by, wheelDeltaY: -120 * by, bubbles: true, cancelable: true };
  const seen = window.watched;
  const before = seen.drawn;
  const start = performance.now();
  let last = start;
  for (let moved = true; moved; ) {
    moved = await new Promise((resolve) => {
      const late = setTimeout(() => resolve(false), 1500);
      seen.onDrawn = () => {
        clearTimeout(late);
        last = performance.now();
        setTimeout(() => resolve(true), 0);
      };
      target.dispatchEvent(new WheelEvent("wheel", { ...turn, ...place }));
    });
  }
  return { drawn: seen.drawn - before, seconds: (last - start) / 1000 };
}
"""


_DATA = {"object", "array", "closure", "string", "concatenated string", "sliced string", "number"}


@dataclass(frozen=True)
class Opened:
    first_image_s: float
    complete_s: float | None
    """Until the last frame of the series had come; None when not all of them were asked for."""
    frames: int
    cpu_s: float
    """What all processes of the browser spent from the address to the last frame."""


@dataclass(frozen=True)
class Memory:
    heap_mb: float
    """JavaScript's heap after a collection, with the machine code that V8 makes bit by bit."""
    data_mb: float
    """What scripts keep of it: objects, arrays, functions and strings."""
    process_mb: float
    """Proportional set size of the page's processes."""


class Watched:
    """A page that counts what it draws."""

    def __init__(self, browser: Browser) -> None:
        # Playwright's waiting makes code of text in the page, as no policy of a viewer allows.
        self._context = browser.new_context(
            viewport={"width": 1440, "height": 900}, bypass_csp=True
        )
        self._context.add_init_script(_WATCH)
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(120_000)
        self._tools: CDPSession = self._context.new_cdp_session(self.page)

    def close(self) -> None:
        self._context.close()

    def open(self, address: str, frames: int, patience_s: float = 60.0) -> Opened:
        """Load the address again; waits for all frames, or until for 5 s none comes."""
        spent_s = browser_cpu_s()
        self.page.goto(address, wait_until="commit")
        first_ms = self.until("window.watched.firstAt", patience_s)
        count, quiet_since = 0, time.monotonic()
        while count < frames and time.monotonic() - quiet_since < 5:
            now = int(self.page.evaluate("window.watched.frames.size"))
            if now != count:
                count, quiet_since = now, time.monotonic()
            self.page.wait_for_timeout(50)
        last_ms = float(self.page.evaluate("Math.max(0, ...window.watched.frames.values())"))
        complete = last_ms / 1000 if count >= frames else None
        return Opened(first_ms / 1000, complete, count, browser_cpu_s() - spent_s)

    def until(self, expression: str, patience_s: float = 60.0) -> float:
        self.page.wait_for_function(expression, timeout=patience_s * 1000, polling=50)
        return float(self.page.evaluate(expression))

    def scroll(self) -> tuple[int, float]:
        """From one end of the series to the other by the wheel, turned as soon as a slice is
        drawn: slices drawn, and seconds."""
        self.page.evaluate(_SCROLL, False)
        scrolled = self.page.evaluate(_SCROLL, True)
        return int(scrolled["drawn"]), float(scrolled["seconds"])

    def expect_picture(self) -> None:
        """What was drawn until now no longer counts."""
        self.page.evaluate("window.watched.firstAt = 0")

    def wait_for_picture(self) -> float:
        """Seconds from the click, or the change of address, that asked for it."""
        self.until("window.watched.firstAt")
        return float(self.page.evaluate("watched.firstAt - watched.askedAt")) / 1000

    def memory(self) -> Memory:
        for _ in range(2):
            self._tools.send("HeapProfiler.collectGarbage")
        usage = self._tools.send("Runtime.getHeapUsage")
        heap_mb = float(usage["usedSize"]) / 1e6
        process_mb = sum(pss_mb(pid) for pid in _processes(b"renderer"))
        return Memory(heap_mb, self._data_bytes() / 1e6, process_mb)

    def _data_bytes(self) -> int:
        """By a snapshot of the heap, whose nodes lie in one list, so many numbers each."""
        parts: list[str] = []
        self._tools.on(
            "HeapProfiler.addHeapSnapshotChunk", lambda event: parts.append(event["chunk"])
        )
        self._tools.send("HeapProfiler.takeHeapSnapshot", {"reportProgress": False})
        taken = json.loads("".join(parts))
        meta, nodes = taken["snapshot"]["meta"], taken["nodes"]
        fields, kinds = meta["node_fields"], meta["node_types"][0]
        kind, size = fields.index("type"), fields.index("self_size")
        return sum(
            nodes[at + size]
            for at in range(0, len(nodes), len(fields))
            if kinds[nodes[at + kind]] in _DATA
        )


def _processes(kind: bytes = b"") -> list[int]:
    """The processes below this one, those of Chromium of a kind alone when one is given."""
    found, waiting = [], children(os.getpid())
    while waiting:
        pid = waiting.pop()
        waiting.extend(children(pid))
        with contextlib.suppress(OSError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            if b"chromium" in command and b"--type=" + kind in command:
                found.append(pid)
    return found


def browser_cpu_s() -> float:
    """User and system time of Chromium's processes that live now."""
    ticks = 0
    for pid in _processes():
        with contextlib.suppress(OSError):
            ticks += sum(map(int, _stat(pid)[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
