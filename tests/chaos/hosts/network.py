"""A network for each host: a namespace, a link to the services, and packets that do not arrive."""

import ctypes
import os
import shutil
import socket
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_TABLE = f"mediview{os.getpid() % 10_000}"
_libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """`near` is the address of the services' end of its link, at which forwarders listen."""

    def __init__(self, number: int) -> None:
        self.name = f"mv{os.getpid() % 10_000}-{number}"
        self._link = f"mv{os.getpid() % 10_000}l{number}"
        # Another controller may run on this machine.
        network = f"10.{160 + os.getpid() % 64}.{number}"
        self.near, self._far = f"{network}.1", f"{network}.2"

    def open(self) -> None:
        """Needs root."""
        _run("ip", "netns", "add", self.name)
        peer = ("peer", "name", "eth0", "netns", self.name)
        _run("ip", "link", "add", self._link, "type", "veth", *peer)
        _run("ip", "address", "add", f"{self.near}/30", "dev", self._link)
        _run("ip", "link", "set", self._link, "up")
        within = ("ip", "-n", self.name)
        _run(*within, "address", "add", f"{self._far}/30", "dev", "eth0")
        _run(*within, "link", "set", "eth0", "up")
        _run(*within, "link", "set", "lo", "up")
        # `ip netns exec` puts it in the place of the machine's own.
        self._names.parent.mkdir(parents=True, exist_ok=True)
        self._names.write_text(f"127.0.0.1 localhost\n{self.near} pacs\n")

    @property
    def _names(self) -> Path:
        return Path("/etc/netns", self.name, "hosts")

    def close(self) -> None:
        shutil.rmtree(self._names.parent, ignore_errors=True)
        with suppress(subprocess.CalledProcessError):
            _run("ip", "netns", "delete", self.name)

    @property
    def prefix(self) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self.name)

    def cut(self, *directions: str) -> None:
        """Drop what goes `out` of the host to the services, or comes `in` from there."""
        _run("nft", "add", "table", "inet", _TABLE)
        for direction in directions:
            hook, word = ("input", "iifname") if direction == "out" else ("output", "oifname")
            base = f"{{ type filter hook {hook} priority 0; }}"
            _run("nft", "add", "chain", "inet", _TABLE, hook, base)
            _run("nft", "add", "rule", "inet", _TABLE, hook, word, self._link, "drop")

    def mend(self) -> None:
        """All cuts of all."""
        with suppress(subprocess.CalledProcessError):
            _run("nft", "delete", "table", "inet", _TABLE)


class Forwarder:
    """TCP from an address of this network to one of this network, or within a namespace."""

    def __init__(self, listen: tuple[str, int], target: tuple[str, int], within: str = "") -> None:
        self._listen, self._target, self._within = listen, target, within
        self._listener: socket.socket | None = None
        self._pairs: set[socket.socket] = set()

    def open(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(self._listen)
        listener.listen(128)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def shut(self) -> None:
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for one in list(self._pairs):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        if self._within:
            # This thread alone: a socket stays in the network in which it was made.
            with Path("/run/netns", self._within).open("rb") as namespace:
                if _libc.setns(namespace.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                try:
                    far = socket.create_connection(self._target, 10)
                    far.settimeout(None)
                except OSError:
                    near.close()
                    continue
                for one in (near, far):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._pairs |= {near, far}
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._pipe, args=pair, daemon=True).start()

    def _pipe(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            self._pairs.discard(one)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
