"""The node and the PACS of a replayed day."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.support.small_studies import BODY_PARTS, STAT_DEPARTMENT
from tests.inference.plain_models import torchscript_model
from tests.services import StoreScpServer, free_port, storescp

PACS_KINDS = {"SEG", "SR"}
_ROOT = Path(__file__).parents[2]
_READY = b"MediViewAI is ready."
_LOOK_S = 0.1


@dataclass(frozen=True)
class DayNode:
    port: int
    url: str
    pacs: StoreScpServer

    def pacs_files(self) -> int:
        return sum(1 for _ in self.pacs.folder.iterdir())


@contextmanager
def day_node(folder: Path) -> Iterator[DayNode]:
    """Ready, with a tiny network in the place of each pipeline; STAT by the department."""
    with storescp(folder, options=["+xa"]) as pacs:
        port, http_port = free_port(), free_port()
        data = folder / "data"
        environment = {
            **{name: value for name, value in os.environ.items() if "MEDIVIEW" not in name},
            "MEDIVIEW_DATA_DIR": str(data),
            "MEDIVIEW_DICOM_PORT": str(port),
            "MEDIVIEW_HTTP_PORT": str(http_port),
            "MEDIVIEW_FREE_DISK_MARK_BYTES": "0",
            "MEDIVIEW_UNKNOWN_PEERS_MAY": "store",
            "MEDIVIEW_SELF_TEST": "false",
            "MEDIVIEW_DESTINATIONS": f"pacs={pacs.ae_title}@{pacs.host}:{pacs.port}",
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        output = folder / "output"
        mediview = [sys.executable, "-m", "api.cli"]

        def command(*arguments: str) -> None:
            with output.open("ab") as file:
                made = [*mediview, *arguments]
                subprocess.run(
                    made, cwd=_ROOT, env=environment, stdout=file, stderr=file, check=True
                )

        command("migrate")
        for modality, part in BODY_PARTS.items():
            command("models", "add", str(_stand_in(folder / modality, modality, part)))
        (data / "rules.yaml").write_text(json.dumps({"version": 1, "rules": _rules()}))
        with output.open("ab") as file:
            process = subprocess.Popen(
                [*mediview, "up"], cwd=_ROOT, env=environment, stdout=file, stderr=file
            )
        try:
            while _READY not in output.read_bytes():
                if process.poll() is not None:
                    raise RuntimeError(f"The node did not start: {output.read_text()[-4000:]}")
                time.sleep(_LOOK_S)
            yield DayNode(port, f"http://127.0.0.1:{http_port}", pacs)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def _stand_in(folder: Path, modality: str, body_part: str) -> Path:
    """A network of one weight, for series of that part of the body."""
    torchscript_model(
        folder,
        name=f"Day {modality}",
        modality=modality,
        intensity={"values": [0, 1000]},
        tile=[32, 32, 32],
    )
    file = folder / "mediview.json"
    card = json.loads(file.read_text())
    accepts = [{"Modality": modality}, {"BodyPartExamined": {"equals": body_part}}]
    file.write_text(json.dumps({**card, "accepts": {"all": accepts}}))
    return folder


def _rules() -> list[dict[str, Any]]:
    """JSON is YAML, too."""
    urgent = {"InstitutionalDepartmentName": {"equals": STAT_DEPARTMENT}}
    return [
        {
            "name": f"{modality} {name}",
            "pipeline": f"model-day-{modality.lower()}",
            "when": condition,
            "priority": priority,
        }
        for modality in BODY_PARTS
        for name, condition, priority in (
            ("STAT", urgent, "STAT"),
            ("routine", {"not": urgent}, 0),
        )
    ]
