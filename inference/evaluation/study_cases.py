"""Cases of models that take several series: whole studies, of which a pipeline chooses its inputs
as it does in the node.

Each case is put into a node of its own, in a folder that is removed after it: what is chosen, read
and registered is what a job would be given, and no case is the prior of another.
"""

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from inference.evaluation.case_guard import guarded_case
from inference.evaluation.cases import BadCase, Case, Truth, groups_of, nifti_truth, truth_of_seg
from inference.imaging.volume import Volume
from inference.input_selection.study_inputs import inputs_of
from inference.job_loading.proposal import inputs_of_study, proposal_on_study
from inference.job_loading.unstored import run_unstored
from inference.pipeline import Pipeline, PipelineOutput
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest
from storage.core.untrusted_input.folder_walk import files_below
from storage.dicom.storage_classes import SEGMENTATION_CLASSES
from storage.maintenance.upgrade import upgrade
from storage.settings import Settings

_HEADER = ["SOPClassUID", "StudyInstanceUID", "StudyDate", "StudyTime"]
_DATABASE = "index.sqlite3"


@dataclass(frozen=True)
class StudyFiles:
    """`studies`: the files of each, by its UID; `when`: its date and time."""

    studies: Mapping[str, Sequence[Path]]
    when: Mapping[str, tuple[str, str]]
    truth: Truth
    truth_study: str
    """Of a SEG; empty of NIfTI."""

    @property
    def at_hand(self) -> str:
        """The study that the truth is of: that of the SEG, else the latest. Raises BadCase."""
        if self.truth_study in self.studies:
            return self.truth_study
        latest = sorted(self.studies, key=lambda uid: self.when[uid])
        if len(latest) > 1 and self.when[latest[-1]] == self.when[latest[-2]]:
            raise BadCase(
                f"It holds {len(latest)} studies, and their dates do not say which is the latest."
                " State Study Date and Study Time, or give the truth as a SEG of the study."
            )
        return latest[-1]


def check_inputs(pipeline: Pipeline) -> None:
    """Raises InvalidRequest where cases cannot hold what it takes."""
    asked = [one.title for one in inputs_of(pipeline) if one.result_of is not None]
    if asked:
        raise InvalidRequest(
            f"{pipeline.name} takes what another pipeline found ({', '.join(asked)}), and there is"
            " no evaluation of such a model yet.",
            remedy="Evaluate the other pipeline, and compare this one in the shadow.",
        )


class StudyCases:
    """Runs a pipeline on one case after the other."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        """`folder`: empty, for what is needed meanwhile."""
        self._settings = settings
        self._folder = folder
        self._empty = _settings_of_case(settings, folder / "empty")
        upgrade(self._empty)

    def run(self, pipeline: Pipeline, path: Path) -> tuple[Case, PipelineOutput, Volume]:
        """What the pipeline finds in the study of a case, on the grid of its reference.

        Raises BadCase, and what reading and the pipeline raise.
        """
        files = study_files(path)
        study_instance_uid = files.at_hand
        with self._node() as storage:
            for of_study in files.studies.values():
                for file in of_study:
                    storage.ingest.accept(file.read_bytes(), source="evaluation")
            for uid in files.studies:
                for series in storage.index.series_of(uid):
                    storage.index.mark_complete(series, utcnow())
            found = inputs_of_study(storage, pipeline, study_instance_uid)
            proposal = proposal_on_study(pipeline, found)
            if proposal is None or not proposal.acceptance.accepted:
                raise BadCase(found.acceptance.reason)
            with guarded_case(study_instance_uid):
                done = run_unstored(storage, pipeline, proposal, "evaluation")
        volume = done.context.volume
        if volume is None:
            raise BadCase(f"{pipeline.name} is given no volume.")
        images = done.loaded.sources
        return Case(path.name, images, files.truth, groups_of(images[0])), done.output, volume

    @contextmanager
    def _node(self) -> Iterator[Storage]:
        folder = self._folder / "case"
        settings = _settings_of_case(self._settings, folder)
        folder.mkdir(mode=0o700)
        try:
            shutil.copyfile(self._empty.data_dir / _DATABASE, folder / _DATABASE)
            with open_storage(settings) as storage:
                # A pipeline has the node's own, such as where its containers run.
                yield replace(storage, settings=self._settings)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def study_cases(settings: Settings) -> Iterator[StudyCases]:
    with tempfile.TemporaryDirectory(prefix="evaluation-", dir=settings.data_dir) as folder:
        yield StudyCases(settings, Path(folder))


def study_files(folder: Path) -> StudyFiles:
    """Everything of one folder; the truth is not among the studies. Raises BadCase."""
    studies: dict[str, list[Path]] = {}
    when: dict[str, tuple[str, str]] = {}
    truths: list[Truth] = []
    truth_study = ""
    for path in sorted(files_below(folder)):
        if path.name.endswith((".nii", ".nii.gz")):
            truths.append(nifti_truth(path, folder))
        elif path.suffix != ".json":
            header = _header(path)
            uid = str(header.get("StudyInstanceUID", ""))
            if header.get("SOPClassUID") in SEGMENTATION_CLASSES:
                truths.append(truth_of_seg(dcmread(path)))
                truth_study = uid
                continue
            studies.setdefault(uid, []).append(path)
            stated = (str(header.get("StudyDate") or ""), str(header.get("StudyTime") or ""))
            when[uid] = max(when.get(uid, stated), stated)
    if not studies or len(truths) != 1:
        raise BadCase(
            f"It holds {len(studies)} studies and {len(truths)} masks; at least one study and one"
            " mask are a case."
        )
    return StudyFiles(studies, when, truths[0], truth_study)


def _header(path: Path) -> Dataset:
    try:
        return dcmread(path, specific_tags=_HEADER)
    except (InvalidDicomError, OSError) as error:
        raise BadCase(f"{path.name} is neither DICOM nor NIfTI.") from error


def _settings_of_case(settings: Settings, folder: Path) -> Settings:
    """Of a node that nobody else uses, with the patients of the case alone."""
    return settings.model_copy(
        update={
            "data_dir": folder,
            "database_url": "",
            "object_store": "filesystem",
            "own_disks": False,
            "rules_file": None,
            "passage_search": "memory",
            "audit_syslog": "",
        }
    )
