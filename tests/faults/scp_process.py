"""`mediview scp` as its own process, with data of its own: to be killed, filled and starved."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dicom_node.peers import Peer
from dicom_node.scu import echo
from storage.container import Storage, open_storage
from storage.settings import Settings
from tests.migrated import prepare
from tests.patience import PATIENCE_S
from tests.processes import ENDING_WITH_US
from tests.ready_processes import PROGRAM, ReadyPopen, run
from tests.services import free_port

LONG = bool(os.environ.get("MEDIVIEW_LONG_TESTS"))

# Of the process that hostile peers try.
TIME_LIMIT_S = 4.0
MAX_ASSOCIATIONS = 12
MAX_INSTANCE_BYTES = 48 << 20


class ScpProcess:
    """A node's receiving process on one port; it may be killed and started again."""

    def __init__(self, folder: Path, settings: Mapping[str, object] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.log = folder / "scp.log"
        self.port = free_port()
        values: dict[str, object] = {"dicom_port": self.port, "data_dir": folder / "data"}
        values |= settings or {}
        self.settings = Settings(**values)  # type: ignore[arg-type]
        self.environment = {
            **{name: value for name, value in os.environ.items() if "MEDIVIEW" not in name},
            **{f"MEDIVIEW_{name.upper()}": str(value) for name, value in values.items()},
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def peer(self) -> Peer:
        return Peer("MEDIVIEW", "127.0.0.1", self.port)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def migrate(self) -> None:
        """What an operator's start script does first; it also reconciles."""
        prepare(self.settings)
        answer = run(
            [PROGRAM, "migrate"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr

    def start(self) -> None:
        before = self.log.stat().st_size if self.log.exists() else 0
        self.launch()
        self.wait_for(lambda: b"scp_listening" in self.log.read_bytes()[before:], PATIENCE_S)

    def launch(self) -> None:
        """Start it, without waiting until it listens."""
        # As under `mediview up`: it ends with whoever started it, if the tests are cut off.
        with self.log.open("ab") as output:
            self._process = ReadyPopen(
                [*ENDING_WITH_US, PROGRAM, "scp"],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self) -> None:
        """kill -9 of every receiving process at once."""
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(PATIENCE_S)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        process, self._process = self._process, None
        assert process is not None
        process.terminate()
        return process.wait(PATIENCE_S)

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def answers(self) -> bool:
        return echo(self.peer, "WATCH").ok

    def wait_for(self, done: Callable[[], bool], limit_s: float = PATIENCE_S) -> None:
        """Fails with the end of the log where it is not `done` in time or the process ended."""
        deadline = time.monotonic() + limit_s
        while not done():
            assert self.is_running(), f"The SCP has ended:\n{self.log_text()[-3000:]}"
            assert time.monotonic() < deadline, f"It did not happen:\n{self.log_text()[-3000:]}"
            time.sleep(0.02)

    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @contextmanager
    def storage(self) -> Iterator[Storage]:
        with open_storage(self.settings) as storage:
            yield storage

    # What the kernel says of the processes

    def threads(self) -> int:
        return sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in self._pids())

    def descriptors(self) -> int:
        return len(self._open_things())

    def open_volumes(self) -> int:
        """Volume files that are held open, those that were deleted meanwhile included."""
        return sum(".mvv" in name for name in self._open_things())

    def sockets(self) -> int:
        return sum(name.startswith("socket:") for name in self._open_things())

    def _open_things(self) -> list[str]:
        names = []
        for pid in self._pids():
            for entry in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                    names.append(str(entry.readlink()))
        return names

    def _pids(self) -> list[int]:
        """The parent and the processes that receive."""
        listed = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [self.pid, *map(int, listed.split())]

    def resident_bytes(self) -> int:
        """Of all processes, what they share counted for each."""
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self._pids())
        return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def running_scp(folder: Path, settings: Mapping[str, object] | None = None) -> Iterator[ScpProcess]:
    node = ScpProcess(folder, settings)
    node.migrate()
    node.start()
    try:
        yield node
    finally:
        node.kill()
