#!/usr/bin/env python3
"""Runs Debian's Firefox for Playwright: on a screen of its own, behind a relay of WebDriver BiDi.

Without a screen Firefox has no WebGL. And Playwright keeps step with the newest Firefox: the
extended support release lacks one command that is sent for each new context, and its refusal would
end the context.
"""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

_LACKING = {"emulation.setMediaFeaturesOverride"}
_LISTENING = re.compile(r"(WebDriver BiDi listening on )(ws://\S+)")


def _pass_on(messages: Iterable[str | bytes], send: Callable[[str | bytes], None]) -> None:
    with suppress(ConnectionClosed):
        for message in messages:
            send(message)


def _relay(playwright: ServerConnection, url: str) -> None:
    with suppress(ConnectionClosed), connect(url, max_size=None, compression=None) as firefox:
        threading.Thread(target=_pass_on, args=(firefox, playwright.send), daemon=True).start()
        for message in playwright:
            command = json.loads(message)
            if command["method"] in _LACKING:
                answer = {"type": "success", "id": command["id"], "result": {}}
                playwright.send(json.dumps(answer))
            else:
                firefox.send(message)


def _relay_port(url: str) -> int:
    server = serve(
        lambda playwright: _relay(playwright, url),
        "127.0.0.1",
        0,
        max_size=None,
        compression=None,
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port: int = server.socket.getsockname()[1]
    return port


def main(*arguments: str) -> int:
    screen = ["Xvfb", "-displayfd", "1", "-screen", "0", "1600x1200x24", "-nolisten", "tcp"]
    with subprocess.Popen(screen, stdout=subprocess.PIPE, text=True) as xvfb:
        assert xvfb.stdout
        display = f":{xvfb.stdout.readline().strip()}"
        firefox = subprocess.Popen(
            ["firefox-esr", *arguments],
            env={**os.environ, "DISPLAY": display},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert firefox.stderr
        for line in firefox.stderr:
            found = _LISTENING.search(line)
            port = _relay_port(f"{found[2]}/session") if found else 0
            sys.stderr.write(f"{found[1]}ws://127.0.0.1:{port}\n" if found else line)
            sys.stderr.flush()
        xvfb.terminate()
        return firefox.wait()


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
