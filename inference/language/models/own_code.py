"""Code that a model's folder brings along, and whether it may run."""

import hashlib
import json
from pathlib import Path

from inference.language.tasks import ModelRef
from inference.refusals import ModelUnusable
from storage.settings import Settings

_CONFIGURATIONS = (
    "config.json",
    "tokenizer_config.json",
    "processor_config.json",
    "preprocessor_config.json",
)


def may_run_own_code(settings: Settings, ref: ModelRef) -> bool:
    """Whether the administrator has named this very code: by commit of the hub, or by digest.

    Raises ModelUnusable of a folder that needs code of its own which nobody has named.
    """
    if ref.revision:
        return ref.pinned in settings.hf_trust_remote_code
    folder = Path(ref.source)
    if not folder.is_dir() or not _brings_code(folder):
        return False
    digest = code_digest(folder)
    if digest in settings.hf_trust_remote_code:
        return True
    raise ModelUnusable(
        f"The model {ref.name} runs code of its own, which HF_TRUST_REMOTE_CODE does not name.",
        remedy=f"Read the Python files in its folder; where they may run, add {digest} to"
        " HF_TRUST_REMOTE_CODE.",
    )


def code_digest(folder: Path) -> str:
    """Of all Python files below a folder, with their names: "sha256:" and hexadecimal digits."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        found.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return f"sha256:{found.hexdigest()}"


def _brings_code(folder: Path) -> bool:
    """Whether one of its configurations names classes of the folder's own."""
    for name in _CONFIGURATIONS:
        try:
            configuration = json.loads((folder / name).read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(configuration, dict) and configuration.get("auto_map"):
            return True
    return False
