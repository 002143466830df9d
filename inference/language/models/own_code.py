"""Code that a model's folder brings along, and whether it may run."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inference.language.tasks import ModelRef
from inference.refusals import ModelUnusable
from storage.settings import Settings

# A class in a file beside the configuration: transformers takes others from other folders, or from
# other repositories of the hub ("owner/name--module.Class").
_OWN_CLASS = re.compile(r"[A-Za-z_]\w{0,99}\.[A-Za-z_]\w{0,99}", re.ASCII)


def may_run_own_code(settings: Settings, ref: ModelRef) -> bool:
    """Whether the administrator has named this very code: by commit of the hub, or by digest.

    Raises ModelUnusable of a folder that needs code of its own which nobody has named, or code
    that stands elsewhere.
    """
    if ref.revision:
        return ref.pinned in settings.hf_trust_remote_code
    folder = Path(ref.source)
    classes = list(_named_classes(folder)) if folder.is_dir() else []
    if not classes:
        return False
    _check_all_is_inside(ref, folder, classes)
    digest = code_digest(folder)
    if digest in settings.hf_trust_remote_code:
        return True
    raise ModelUnusable(
        f"The model {ref.name} runs code of its own, which HF_TRUST_REMOTE_CODE does not name.",
        remedy=f"Read the Python files in its folder; where they may run, add {digest} to"
        " HF_TRUST_REMOTE_CODE.",
    )


def code_digest(folder: Path) -> str:
    """Of all Python files and configurations of a folder: "sha256:" and hexadecimal digits.

    Configurations name what runs, and with which values.
    """
    found = hashlib.sha256()
    for path in sorted(filter(Path.is_file, (*folder.glob("*.py"), *folder.glob("*.json")))):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        found.update(f"{path.name}\0{content}\n".encode())
    return f"sha256:{found.hexdigest()}"


def _check_all_is_inside(ref: ModelRef, folder: Path, classes: list[Any]) -> None:
    """Raises ModelUnusable where code may come from a place that the digest is not of."""
    for named in classes:
        if not (isinstance(named, str) and _OWN_CLASS.fullmatch(named)):
            raise ModelUnusable(
                f"The model {ref.name} names code that is not a file beside its configuration.",
                remedy="Copy the code into its folder, and name it in auto_map as file.Class.",
            )
        if not (folder / f"{named.partition('.')[0]}.py").is_file():
            raise ModelUnusable(
                f"The folder of the model {ref.name} lacks code that its configuration names.",
                remedy="Copy it into the folder.",
            )
    for path in folder.iterdir():
        # The code that was read may import what lies below, and a link may change its target.
        if path.is_symlink() or path.is_dir():
            raise ModelUnusable(
                f"The folder of the model {ref.name}, which runs code of its own, holds links or"
                " folders.",
                remedy="Copy its files, without links, into one folder.",
            )


def _named_classes(folder: Path) -> Iterator[Any]:
    """Of all configurations: what each `auto_map` names, in whatever form."""
    for path in sorted(folder.glob("*.json")):
        try:
            configuration = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            continue
        yield from _classes_within(configuration)


def _classes_within(value: Any) -> Iterator[Any]:
    # Parts of a model have configurations within its own, each with a map.
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting.extend(one)
        elif isinstance(one, dict):
            mapped = one.get("auto_map")
            if mapped:
                yield from _flat(mapped)
            waiting.extend(other for key, other in one.items() if key != "auto_map")


def _flat(mapped: Any) -> Iterator[Any]:
    """Tokenizers name two classes, of which one may be missing."""
    waiting = [mapped]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
        elif one is not None:
            yield one
