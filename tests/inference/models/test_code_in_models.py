"""What runs of a model's folder: the sources of a bundle, and nothing of a model that is data."""

import importlib
import os
import py_compile
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from inference.bundles.installed import add_described, described
from inference.bundles.loading import as_bundle
from inference.bundles.scripts import scripts_of
from inference.models.files import file_sha256
from inference.models.model_folders import install
from inference.models.packs import add_pack
from inference.pipeline import ModelFile
from inference.pipelines.brain.brain_structures import CARD
from storage.core.errors import InvalidRequest
from storage.settings import load_settings
from tests.inference.orchestration import storage_in
from tests.inference.plain_models import onnx_model


def test_a_model_that_is_data_brings_no_code(tmp_path: Path) -> None:
    folder, ran = onnx_model(tmp_path / "plain"), tmp_path / "ran"
    (folder / "onnxruntime.py").write_text(f"open({str(ran)!r}, 'w')")
    with storage_in(tmp_path / "node") as storage, pytest.raises(InvalidRequest) as refused:
        add_described(storage.settings, folder)
    assert "onnxruntime.py" in refused.value.message
    with as_bundle(described(folder)):
        (folder / "only_here.py").write_text(f"open({str(ran)!r}, 'w')")
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("only_here")
    assert not ran.exists()


def test_scripts_run_as_their_sources_say_and_hide_no_package(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    (folder / "scripts").mkdir(parents=True)
    for name in ("scripts/__init__.py", "numpy.py", "graphlib.py"):
        (folder / name).write_text("")
    helper = folder / "scripts" / "helper.py"
    helper.write_text("ANSWER = 'altered'")
    altered = Path(py_compile.compile(str(helper), doraise=True) or "")
    times = helper.stat()
    helper.write_text("ANSWER = 'sources'")
    os.utime(helper, ns=(times.st_atime_ns, times.st_mtime_ns))
    kept = altered.read_bytes()
    sys.modules.pop("graphlib", None)
    with scripts_of(folder):
        assert importlib.import_module("scripts.helper").ANSWER == "sources"
        for name in ("numpy", "graphlib"):
            assert not str(importlib.import_module(name).__file__).startswith(str(folder))
    assert altered.read_bytes() == kept
    (folder / "scripts" / "fast.so").write_bytes(b"\x7fELF")
    files = [path for path in folder.rglob("*") if path.is_file()]
    there = install(load_settings(data_dir=tmp_path), folder, "it", files, keep_digests=True)
    assert not [path for path in there.rglob("*") if path.suffix in (".pyc", ".so")]


def test_scripts_are_found_beside_an_installed_package_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, answer in (("installed", "theirs"), ("bundle", "the bundle's")):
        package = tmp_path / place / "scripts"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "helper.py").write_text(f"ANSWER = {answer!r}")
    monkeypatch.syspath_prepend(tmp_path / "installed")
    with scripts_of(tmp_path / "bundle"):
        assert importlib.import_module("scripts.helper").ANSWER == "the bundle's"
    for name in [one for one in sys.modules if one.partition(".")[0] == "scripts"]:
        del sys.modules[name]


def test_a_pack_takes_nothing_from_elsewhere(tmp_path: Path) -> None:
    pack, secret = tmp_path / "pack", tmp_path / "secret"
    pack.mkdir()
    (pack / "weights").write_bytes(b"weights")
    secret.write_text("of the node")
    (pack / "NOTES.txt").symlink_to(secret)
    card = replace(CARD, files=(ModelFile("weights", file_sha256(pack / "weights")),))
    with pytest.raises(InvalidRequest, match="leads out of the folder"):
        add_pack(load_settings(data_dir=tmp_path / "node"), pack, [card])


def test_a_changed_file_is_read_again_although_its_time_was_set_back(tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    weights.write_bytes(b"proven")
    times, before = weights.stat(), file_sha256(weights)
    weights.write_bytes(b"forged")
    os.utime(weights, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert file_sha256(weights) != before
    other = tmp_path / "other"
    other.write_bytes(b"proven")
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(weights)
    assert file_sha256(weights) == before
