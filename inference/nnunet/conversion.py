"""Checkpoints of nnU-Net made into safetensors and JSON, once, in a process with limits."""

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from inference.nnunet.card import Converted, Fold
from inference.nnunet.package import nnunetv2_at_work
from storage.core.errors import InvalidRequest, LimitExceeded
from storage.processes.limited import LimitedProcesses, Limits, TaskFailed

CONVERTED_FILE = "nnunet.json"
# Of the process that reads, which alone imports torch.
_TASKS = "inference.nnunet.checkpoint_task"
_GIB = 1024**3
_CHECKPOINT_BYTES_AT_MOST = 8 * _GIB
_TIME_S = 600.0
_SHOWN_AT_MOST = 300
_TRAINER_NAME = re.compile(r"^nnUNetTrainer\w{0,100}$")
# Most models; looking for others imports all of nnunetv2's training.
_COMMON = re.compile(r"^nnUNetTrainer(_\d+epochs?)?(_?NoMirroring)?$")
# Of TotalSegmentator 2.18: they train otherwise, and build what the plans say.
_OF_TOTALSEGMENTATOR = (
    "nnUNetTrainerDiceTopK10Loss_2000epochs",
    "nnUNetTrainerSkeletonRecall",
    "nnUNetTrainer_MOSAIC_1k_QuarterLR_NoMirroring",
)


def weights_file(fold: str) -> str:
    """Where the weights of a fold are, in the folder of a converted model."""
    return f"fold_{fold}.safetensors"


@contextlib.contextmanager
def checkpoint_reader(folders: Iterable[Path]) -> Iterator[LimitedProcesses]:
    """The process that reads the checkpoints of trained models; it may take what the largest
    needs, and write nothing."""
    sizes = [path.stat().st_size for one in folders for path in one.glob("fold_*/checkpoint_*.pth")]
    processes = LimitedProcesses(
        Limits(
            processes=1,
            memory_bytes=3 * min(max(sizes, default=0), _CHECKPOINT_BYTES_AT_MOST) + _GIB,
            time_s=_TIME_S,
            what="reading a checkpoint",
            memory_setting="the memory of this machine",
            time_setting="the speed of its disk",
            preload=(_TASKS,),
        )
    )
    try:
        yield processes
    finally:
        processes.close()


def convert(
    source: Path,
    target: Path,
    folds: Sequence[Fold],
    checkpoint: str,
    processes: LimitedProcesses,
    *,
    trainer: Callable[[str], None] | None = None,
) -> Converted:
    """Read the folds' checkpoints below `source`, write their weights into `target`.

    `trainer` refuses one by its name; left out: each whose network is not that of the
    plans. Raises InvalidRequest, ModelUnusable.
    """
    name = f"checkpoint_{checkpoint}.pth"
    paths = {str(fold): source / f"fold_{fold}" / name for fold in folds or _numbered(source, name)}
    if not paths:
        raise InvalidRequest(
            f"{source} has no fold with {name}.",
            remedy="Name the folder that nnUNetv2_train wrote, with plans.json and fold_0; of a"
            ' model without final checkpoints add "checkpoint": "best" to the card\'s model.',
        )
    stated: dict[str, dict[str, Any]] = {}
    for fold, path in paths.items():
        if not path.is_file():
            raise InvalidRequest(
                f"{path} is missing.", remedy="Correct folds or checkpoint in the card's model."
            )
        if path.stat().st_size > _CHECKPOINT_BYTES_AT_MOST:
            raise InvalidRequest(f"{path} is larger than 8 GiB.", remedy="Check the model.")
        stated[fold], weights = _read(processes, path)
        (target / weights_file(fold)).write_bytes(weights)
    first, *others = stated.values()
    if any(other != first for other in others):
        raise InvalidRequest(
            f"The folds of {source} differ in their trainer or configuration.",
            remedy="Name folds of one training in the card's model.",
        )
    (trainer or check_trainer)(str(first["trainer"]))
    try:
        return Converted(**first, folds=tuple(paths))
    except ValidationError as error:
        what = "; ".join(
            f"{'.'.join(str(part) for part in one['loc'])} is {one['input']!r}: {one['msg']}"
            for one in error.errors()
        )
        raise InvalidRequest(
            f"The checkpoints of {source} cannot be used: {what[:_SHOWN_AT_MOST]}.",
            remedy="Name a folder that nnUNetv2_train wrote.",
        ) from error


def _read(processes: LimitedProcesses, path: Path) -> tuple[dict[str, Any], bytearray]:
    try:
        return processes.run(
            f"{_TASKS}:weights_of",
            str(path.resolve()),
            f"{path.parent.name}/{path.name}",
            answer_bytes=_CHECKPOINT_BYTES_AT_MOST,
        )
    except (TaskFailed, LimitExceeded) as error:
        raise InvalidRequest(
            f"{path} cannot be read as a checkpoint, or takes more memory or time than its size"
            " tells.",
            remedy="Get the model again.",
        ) from error


def _numbered(source: Path, name: str) -> list[int]:
    """Every fold with a number, as nnU-Net's command line chooses them."""
    found = (re.fullmatch(r"fold_(\d{1,2})", path.parent.name) for path in source.glob(f"*/{name}"))
    return sorted(int(match[1]) for match in found if match)


def check_trainer(trainer: str) -> None:
    """Refuse by name a trainer whose network is not what plans.json says.

    Raises InvalidRequest, and ModelUnusable where nnunetv2 is needed to tell and not installed.
    """
    if trainer in _OF_TOTALSEGMENTATOR or _COMMON.match(trainer):
        return
    built_by = _trainer_that_builds(trainer) if _TRAINER_NAME.match(trainer) else ""
    if built_by == "nnUNetTrainer":
        return
    raise InvalidRequest(
        f"The model was trained by {trainer}, "
        + (
            f"whose network is that of {built_by} and not what plans.json says."
            if built_by
            else "which is none of nnunetv2's own trainers."
        ),
        remedy="Train it with nnUNetTrainer or one of its variants that keep the planned network.",
    )


def _trainer_that_builds(trainer: str) -> str:
    """The class of nnunetv2 that builds a trainer's network; empty where it has no such trainer."""
    with nnunetv2_at_work():
        import nnunetv2
        from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
        from nnunetv2.utilities.find_class_by_name import recursive_find_python_class

        root = Path(nnunetv2.__path__[0])
        found = recursive_find_python_class(
            str(root / "training" / "nnUNetTrainer"),
            trainer,
            "nnunetv2.training.nnUNetTrainer",
            str(root),
        )
    if not isinstance(found, type) or not issubclass(found, nnUNetTrainer):
        return ""
    return next(one.__name__ for one in found.__mro__ if "build_network_architecture" in vars(one))
