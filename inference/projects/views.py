"""A project as DICOMweb shows it: its studies under the pseudonyms that its exports have.

What is listed is made of pseudonyms, counts, modalities and SOP classes alone. Whatever else an
instance says leaves with the instance, de-identified and searched as in an export.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from inference.deidentification.profile import Option, Profile, read_profile
from inference.deidentification.pseudonyms import Pseudonyms
from inference.projects.single_instances import Scheme
from storage.container.has import HasIndex
from storage.core.entities import Instance
from storage.core.errors import NotFound
from storage.projects.entities import Project, ProjectStudy
from storage.projects.repository import Projects

T = TypeVar("T")
# PS3.3 C.7.3.1.1.1, as far as images have them; any other value may say anything.
_MODALITIES = frozenset(
    "AU BI CR CT DOC DX ECG ES FID IO IVOCT IVUS KO LS MG MR NM OAM OCT OP OPT OPTENF OPV OT PR PT"
    " PX REG RF RG RTDOSE RTIMAGE RTPLAN RTRECORD RTSTRUCT RWV SC SEG SM SR STAIN US VA XA XC"
    " ANN M3D PLAN POS SMR TEXTUREMAP".split()
)


class ViewStorage(HasIndex, Protocol):
    """What of the storage layer projects are shown with."""

    @property
    def projects(self) -> Projects: ...


@dataclass(frozen=True)
class ViewedInstance:
    sop_class_uid: str
    sop_instance_uid: str
    """The pseudonym, as all names of UIDs here."""
    original: Instance


@dataclass(frozen=True)
class ViewedSeries:
    series_instance_uid: str
    modality: str
    instances: tuple[ViewedInstance, ...]


@dataclass(frozen=True)
class ViewedStudy:
    study_instance_uid: str
    patient: str
    series: tuple[ViewedSeries, ...]

    @property
    def instance_count(self) -> int:
        return sum(len(one.instances) for one in self.series)


class ProjectView:
    """One project as it is now. Studies without the consent that it needs are not there."""

    def __init__(self, storage: ViewStorage, project: Project) -> None:
        self._storage = storage
        self._project = project
        self._profile: Profile = read_profile(project.options)
        self._pseudonyms = Pseudonyms(project.key)

    @property
    def scheme(self) -> Scheme:
        """By which its instances are de-identified: as by an export."""
        return Scheme(self._project.project_id, self._profile, self._pseudonyms)

    def studies(self) -> list[tuple[str, ProjectStudy]]:
        """Each under its pseudonym, in the order in which they were added."""
        found, _ = self._storage.projects.studies(self._project)
        return [
            (self._uid(one.study_instance_uid), one)
            for one in found
            if one.has_consent or not self._project.needs_consent
        ]

    def patient(self, study: ProjectStudy) -> str:
        return self._pseudonyms.patient(study.patient_key)

    def study(self, pseudonym: str) -> ViewedStudy:
        """Raises NotFound."""
        for uid, study in self.studies():
            if uid == pseudonym:
                return self.viewed(uid, study)
        raise _absent("study")

    def viewed(self, uid: str, study: ProjectStudy) -> ViewedStudy:
        """With its series and instances."""
        original = study.study_instance_uid
        modalities = {
            one.series_instance_uid: one.modality for one in self._storage.index.series_of(original)
        }
        series: OrderedDict[str, list[ViewedInstance]] = OrderedDict()
        for instance in self._storage.index.instances_of(original):
            viewed = ViewedInstance(
                instance.sop_class_uid, self._uid(instance.sop_instance_uid), instance
            )
            series.setdefault(instance.series_instance_uid, []).append(viewed)
        return ViewedStudy(
            uid,
            self.patient(study),
            tuple(
                ViewedSeries(self._uid(one), _modality(modalities.get(one, "")), tuple(instances))
                for one, instances in series.items()
            ),
        )

    def series(self, study: str, series: str) -> ViewedSeries:
        """Raises NotFound."""
        return _named(self.study(study).series, lambda one: one.series_instance_uid, series)

    def instance(self, study: str, series: str, instance: str) -> ViewedInstance:
        """Raises NotFound."""
        among = self.series(study, series).instances
        return _named(among, lambda one: one.sop_instance_uid, instance)

    def _uid(self, original: str) -> str:
        return original if Option.RETAIN_UIDS in self._profile else self._pseudonyms.uid(original)


def _modality(stated: str) -> str:
    return stated if stated in _MODALITIES else "OT"


def _named(found: Iterable[T], name: Callable[[T], str], wanted: str) -> T:
    for one in found:
        if name(one) == wanted:
            return one
    raise _absent("series or instance")


def _absent(what: str) -> NotFound:
    return NotFound(
        f"The project has no {what} of that UID.",
        remedy="Search the project's /dicom-web/studies: its UIDs are pseudonyms.",
    )
