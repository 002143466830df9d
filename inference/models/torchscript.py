"""What the code of a TorchScript file may not do: read and write files of the node."""

import re
import zipfile
from pathlib import Path

from inference.refusals import ModelUnusable

_CODE_AT_MOST_BYTES = 64 << 20
# `aten::save` writes any file, `aten::from_file` reads one, or shares memory with it. A name in a
# literal counts, for getattr takes one; a literal with escapes may spell it otherwise.
_OF_FILES = re.compile(rb"\b(from_file|load_tensor|save)\b")
_SPELT_OTHERWISE = re.compile(rb"\bgetattr\s*\([^)]*\\")


def check_torchscript(path: Path) -> None:
    """Before it is loaded, which may run a part of it. Raises ModelUnusable."""
    code_bytes, has_constants = 0, False
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                has_constants |= member.filename.partition("/")[2] == "constants.pkl"
                if not member.filename.endswith(".py"):
                    continue
                code_bytes += member.file_size
                if code_bytes > _CODE_AT_MOST_BYTES:
                    raise _unusable(path, f"has more than {_CODE_AT_MOST_BYTES >> 20} MiB of code")
                code = archive.read(member)
                if found := _OF_FILES.search(code):
                    raise _unusable(path, f"reads or writes files ({found[1].decode()})")
                if _SPELT_OTHERWISE.search(code):
                    raise _unusable(path, "has a name with escapes")
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError, RuntimeError) as error:
        raise _unusable(path, "cannot be read as an archive of TorchScript") from error
    if not has_constants:
        # Of an earlier form any member may be code.
        raise _unusable(path, "is of a form that PyTorch wrote before 1.3, or none of TorchScript")


def _unusable(path: Path, why: str) -> ModelUnusable:
    return ModelUnusable(
        f"{path.name} {why}.",
        remedy="Save the network alone, by torch.jit.save of a present version of PyTorch.",
    )
