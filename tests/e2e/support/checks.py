"""What other tools say of our objects."""

import subprocess
from pathlib import Path

from tests.patience import PATIENCE_S
from tests.services import tool
from tests.standard.validator import validator_complaints


def validators_errors(path: Path) -> list[str]:
    """The errors that David Clunie's dciodvfy and pydicom's dicom-validator find in one file."""
    answer = subprocess.run(
        [tool("dciodvfy", "dicom3tools"), "-new", path],
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=PATIENCE_S,
    )
    lines = (answer.stdout + answer.stderr).splitlines()
    errors = [line for line in lines if line.startswith("Error")]
    return errors + validator_complaints(path)


def dsrdump(path: Path) -> str:
    """The document as DCMTK reads it; fails where DCMTK does."""
    answer = subprocess.run(
        [tool("dsrdump", "dcmtk"), "+Pc", "+Pl", path],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    if answer.returncode:
        raise AssertionError(f"dsrdump ended with {answer.returncode}:\n{answer.stderr}")
    return answer.stdout
