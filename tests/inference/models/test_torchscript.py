"""TorchScript that would read or write files of the node is refused before it is loaded."""

import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.models.files import load_module
from inference.refusals import ModelUnusable

MARK = "/tmp/mediview-test-torchscript-mark"


class Saves(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch.save(x, "/tmp/mediview-test-torchscript-mark")
        return x


class Shares(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.from_file("/dev/shm/mediview-test", shared=True, size=4)


class Network(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.layers(x)
        return answer


def saved(folder: Path, module: torch.nn.Module) -> Path:
    path = folder / "model.ts"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        scripted: Any = torch.jit.script(module)
        scripted.save(str(path))
    return path


def with_code(path: Path, old: str, new: str) -> Path:
    """The archive with other code, as one would write it who knows the check."""
    other = path.with_name("other.ts")
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(other, "w") as written:
        for member in archive.infolist():
            content = archive.read(member)
            if member.filename.endswith(".py"):
                content = content.replace(old.encode(), new.encode())
            written.writestr(member.filename, content)
    return other


@pytest.mark.parametrize(("module", "named"), [(Saves(), "save"), (Shares(), "from_file")])
def test_operators_of_files_are_refused_by_name(
    tmp_path: Path, module: torch.nn.Module, named: str
) -> None:
    with pytest.raises(ModelUnusable, match=rf"model\.ts reads or writes files \({named}\)"):
        load_module(saved(tmp_path, module))


@pytest.mark.parametrize(
    "spelt", ["ops.aten.save(", 'getattr(torch, "save")(', 'getattr(torch, "\\x73ave")(']
)
def test_no_other_spelling_of_them_passes(tmp_path: Path, spelt: str) -> None:
    path = with_code(saved(tmp_path, Saves()), "torch.save(", spelt)
    Path(MARK).unlink(missing_ok=True)
    with pytest.raises(ModelUnusable):
        load_module(path)(torch.zeros(1))
    assert not Path(MARK).exists()


def test_what_is_no_archive_of_torchscript_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.ts"
    path.write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(ModelUnusable, match="cannot be read as an archive"):
        load_module(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/model.json", "{}")
    with pytest.raises(ModelUnusable, match="form"):
        load_module(path)


def test_a_network_is_loaded_as_before(tmp_path: Path) -> None:
    network = Network().eval()
    loaded = load_module(saved(tmp_path, network)).cpu()
    x = torch.rand(1, 1, 5, 5)
    assert torch.equal(loaded(x), network(x))
