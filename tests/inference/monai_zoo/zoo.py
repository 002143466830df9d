"""Bundles of MONAI's zoo as a site would have them: the configurations as they are, and weights.

The configurations are read where the shared data keep them. Weights are random, of the network
that each configuration describes. Scripts that bundles bring along, and which are not there, have
stand-ins here.
"""

import contextlib
import json
import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.bundle import ConfigParser
from numpy.typing import NDArray
from pydicom.dataset import Dataset

STAND_INS = Path(__file__).parent / "stand_ins"
_RAS_FROM_LPS = np.diag((-1.0, -1.0, 1.0, 1.0))
_FIXED: dict[str, dict[str, Any]] = {
    "breast_density_classification": {"network_def::pretrained": False},
    "pancreas_ct_dints_segmentation": {
        "arch_ckpt": "$torch.load(@arch_ckpt_path, weights_only=False)",
        "dints_space::device": "$torch.device('cpu')",
    },
}
"""What MONAI's own way needs to build a network here: no internet, no GPU."""
# By which the drawn weights find something, and not everywhere.
_SEEDS = {"spleen_deepedit_annotation": 9}
_CHECKPOINTS = {"pediatric_abdominal_ct_segmentation": "dynunet_FT.pt"}


def bundle(zoo: Path, name: str, folder: Path, card: Mapping[str, Any] | None = None) -> Path:
    """The bundle `name` in `folder`, with weights of a network by its own configuration."""
    shutil.copytree(zoo / name / "configs", folder / "configs")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    (folder / "models").mkdir()
    if (STAND_INS / name).is_dir():
        shutil.copytree(STAND_INS / name, folder / "scripts")
        (folder / "scripts" / "__init__.py").touch()
    if name == "pancreas_ct_dints_segmentation":
        _searched(folder / "models" / "search_code_18590.pt")
    if card is not None:
        (folder / "mediview.json").write_text(json.dumps(card))
    torch.manual_seed(_SEEDS.get(name, 7))
    with _importing(folder):
        network = parser_of(folder, name).get_parsed_content("network_def")
    _spread(network)
    torch.save(network.state_dict(), folder / "models" / _CHECKPOINTS.get(name, "model.pt"))
    return folder


@contextlib.contextmanager
def _importing(folder: Path) -> Iterator[None]:
    """With the bundle's scripts, and not those of another."""
    sys.path.insert(0, str(folder))
    for script in [one for one in sys.modules if one.partition(".")[0] == "scripts"]:
        del sys.modules[script]
    try:
        with warnings.catch_warnings():
            # Of MONAI's and torch's own making.
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.path.remove(str(folder))


def parser_of(folder: Path, name: str) -> ConfigParser:
    """MONAI's own parser of a bundle's inference configuration."""
    file = next(path for path in sorted((folder / "configs").glob("inference.*")))
    parser = ConfigParser()
    parser.read_config(str(file))
    parser["bundle_root"], parser["device"] = str(folder), "$torch.device('cpu')"
    parser["imports"] = [one for one in parser.config.get("imports", []) if "ignite" not in one]
    for key, value in _FIXED.get(name, {}).items():
        parser[key] = value
    parser.config["network_def"] = _without_img_size(parser.config["network_def"])
    return parser


def _without_img_size(network: Any) -> Any:
    # Gone from MONAI since 1.5, and without effect before.
    return (
        {key: value for key, value in network.items() if key != "img_size"}
        if isinstance(network, dict)
        else network
    )


def _spread(network: torch.nn.Module) -> None:
    """Let the last layer tell classes apart; as it is drawn, one of them would win everywhere."""
    last = [one for one in network.modules() if isinstance(one, torch.nn.modules.conv._ConvNd)]
    if last and last[-1].out_channels > 1 and last[-1].bias is not None:
        with torch.no_grad():
            last[-1].bias.zero_()


def _searched(path: Path) -> None:
    """An architecture as DiNTS' search leaves it, in NumPy's arrays: each depth by itself."""
    edges = [(a, b) for a in range(4) for b in (a - 1, a, a + 1) if 0 <= b < 4]
    codes = np.tile([float(a == b) for a, b in edges], (12, 1))
    operations, nodes = np.ones((12, 10), np.int64), np.ones((13, 4))
    torch.save({"arch_code_a": codes, "arch_code_c": operations, "node_a": nodes}, path)


def nifti(path: Path, voxels: NDArray[Any], ras_from_ijk: NDArray[np.float64]) -> Path:
    """A volume (k, j, i) as NIfTI."""
    nib.save(nib.Nifti1Image(np.asarray(voxels, np.float32).T, ras_from_ijk), path)
    return path


def ras_of(datasets: Sequence[Dataset]) -> NDArray[np.float64]:
    """The affine of a NIfTI of slices in their order, by PS3.3 C.7.6.2.1.1."""
    first, last = datasets[0], datasets[-1]
    along_row, along_column = np.reshape(np.array(first.ImageOrientationPatient, float), (2, 3))
    step = np.subtract(last.ImagePositionPatient, first.ImagePositionPatient) / (len(datasets) - 1)
    affine = np.eye(4)
    affine[:3, 0] = along_row * float(first.PixelSpacing[1])
    affine[:3, 1] = along_column * float(first.PixelSpacing[0])
    affine[:3, 2], affine[:3, 3] = step, first.ImagePositionPatient
    turned: NDArray[np.float64] = _RAS_FROM_LPS @ affine
    return turned


def by_monai(
    folder: Path, name: str, files: Mapping[str, Any], ras_from_ijk: NDArray[np.float64]
) -> NDArray[Any]:
    """What MONAI's own run of the bundle gives for NIfTI files: (channels, k, j, i)."""
    parser = parser_of(folder, name)
    for chain in [key for key in parser.config if key.endswith(("processing", "_transforms"))]:
        parser[chain] = _reading_nifti(parser.config[chain], ras_from_ijk)
    with _importing(folder), torch.inference_mode():
        network = parser.get_parsed_content("network_def").eval()
        weights = folder / "models" / _CHECKPOINTS.get(name, "model.pt")
        network.load_state_dict(torch.load(weights, weights_only=True))
        data = parser.get_parsed_content("preprocessing")(dict(files))
        data["pred"] = parser.get_parsed_content("inferer")(data["image"][None], network)[0]
        data = parser.get_parsed_content("postprocessing")(data)
    return np.transpose(np.asarray(data["pred"]), (0, 3, 2, 1))


def _exact(ras_from_ijk: NDArray[np.float64]) -> Any:
    """NIfTI keeps affines in single precision, by which MONAI's Spacing may take another grid."""

    def exact(image: Any) -> Any:
        assert np.allclose(np.asarray(image.affine), ras_from_ijk, atol=1e-4)
        image.affine = torch.from_numpy(ras_from_ijk)
        return image

    return exact


def _reading_nifti(chain: Any, ras_from_ijk: NDArray[np.float64]) -> Any:
    if isinstance(chain, dict):
        return {key: _reading_nifti(value, ras_from_ijk) for key, value in chain.items()}
    if not isinstance(chain, list):
        return chain
    kept = []
    for one in chain:
        target = one.get("_target_", "") if isinstance(one, dict) else ""
        if target.startswith("SaveImage"):
            continue
        if target == "LoadImaged":
            keys = [key for key in np.atleast_1d(one["keys"]).tolist() if key != "label"]
            loader = {key: value for key, value in one.items() if key != "reader"}
            kept += [
                {**loader, "keys": keys},
                {"_target_": "Lambdad", "keys": keys, "func": _exact(ras_from_ijk)},
            ]
            continue
        kept.append(one)
    return kept
