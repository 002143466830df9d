"""What is known of a model before it speaks: its card, and how it is proven."""

import hashlib
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from inference.models.population import ANYBODY, Population
from inference.normal_ranges.reference import Reference
from storage.core.findings import Code

AlgorithmFamily = Literal[
    "adaptive filtering",
    "artificial intelligence",
    "cluster analysis",
    "deformable models",
    "edge detection",
    "histogram analysis",
    "manual processing",
    "morphological operations",
    "multi-scale/resolution filtering",
    "multispectral processing",
    "neighborhood analysis",
]
"""Names of PS3.16 CID 7162 in lower case."""
Role = Literal["results", "deface"]
"""What becomes of what a model finds: results of a study, or the face that must not leave with its
images (PS3.15 E.3.2)."""
Admission = Literal["release", "setting", "operator"]
ARTIFICIAL_INTELLIGENCE = Code("123110", "DCM", "Artificial Intelligence")
EDGE_DETECTION = Code("123103", "DCM", "Edge Detection")
MORPHOLOGICAL_OPERATIONS = Code("123104", "DCM", "Morphological Operations")
OnTruncation = Literal["mark", "refuse"]
"""What becomes of a structure that the images cut off: its measurements are marked as
truncated, or the whole result is refused."""


_FAMILIES: dict[AlgorithmFamily, Code] = {
    "neighborhood analysis": Code("123101", "DCM", "Neighborhood Analysis"),
    "adaptive filtering": Code("123102", "DCM", "Adaptive Filtering"),
    "edge detection": EDGE_DETECTION,
    "morphological operations": MORPHOLOGICAL_OPERATIONS,
    "histogram analysis": Code("123105", "DCM", "Histogram Analysis"),
    "multi-scale/resolution filtering": Code("123106", "DCM", "Multi-Scale/Resolution Filtering"),
    "cluster analysis": Code("123107", "DCM", "Cluster Analysis"),
    "multispectral processing": Code("123108", "DCM", "Multispectral Processing"),
    "manual processing": Code("123109", "DCM", "Manual Processing"),
    "artificial intelligence": ARTIFICIAL_INTELLIGENCE,
    "deformable models": Code("123111", "DCM", "Deformable Models"),
}


def family_of(name: AlgorithmFamily) -> Code:
    """The code of a family that a card names."""
    return _FAMILIES[name]


@dataclass(frozen=True)
class ModelFile:
    """A file of weights, and the digest without which it is not loaded."""

    name: str
    sha256: str


@dataclass(frozen=True)
class GateThreshold:
    """What one metric of an evaluation must reach before a version may become active."""

    metric: str
    at_least: float | None = None
    at_most: float | None = None

    def admits(self, value: float) -> bool:
        """Written so that a NaN is never admitted."""
        return (self.at_least is None or value >= self.at_least) and (
            self.at_most is None or value <= self.at_most
        )

    @property
    def text(self) -> str:
        parts = []
        if self.at_least is not None:
            parts.append(f"at least {self.at_least:g}")
        if self.at_most is not None:
            parts.append(f"at most {self.at_most:g}")
        return " and ".join(parts)


@dataclass(frozen=True)
class FixedGrid:
    """A grid on which the model sees every series alike: of one size, along the axes of the
    patient, whatever the scanner's slices are.

    What such a model places wrong on the surface of a structure it places wrong in the same way in
    each study, so that most of it cancels where two of its own measurements are compared.
    """

    edge_mm: float
    """Of its voxels."""
    reason: str
    """Why that is so of this model, a sentence for people."""


@dataclass(frozen=True)
class CriticalLimit:
    """Beyond which a finding of the model must be reported at once."""

    finding: str
    """Its label or the value of its code; upper and lower case are alike."""
    above: float | None = None
    below: float | None = None
    confidence_at_least: float | None = None
    text: str = ""


@dataclass(frozen=True)
class ModelCard:
    """What is known of a model, as its authors state it."""

    name: str
    version: str
    licence: str
    source: str
    intended_use: str
    input_description: str
    files: tuple[ModelFile, ...] = ()
    training_data: str = "Not stated."
    output_codes: tuple[Code, ...] = ()
    """What its segments and measurements are coded as, where that is known beforehand."""
    revision: str = ""
    """Of the source: a commit or tag; empty where it has none."""
    gate: tuple[GateThreshold, ...] = ()
    normal_ranges: tuple[Reference, ...] = ()
    """What is normal for its measurements; the first that fits the patient counts."""
    critical: tuple[CriticalLimit, ...] = ()
    on_truncation: OnTruncation = "mark"
    population: Population = ANYBODY
    """For whom and for which images it was made; outside, the card's word decides."""
    fixed_grid: FixedGrid | None = None
    """None: how far a volume may be off goes by the voxels of the series alone."""
    admission: Admission = "release"
    """Who answers for its being here: this release (or a package that the operator installed),
    a setting, or an operator who added its folder and must activate it."""
    role: Role = "results"
    """`deface`: its segments are what somebody could be recognised by. It runs on request, and
    where a project that cleans recognizable visual features is exported."""
    family: Code = ARTIFICIAL_INTELLIGENCE
    """Of the algorithm (PS3.16 CID 7162)."""
    digest: str = field(init=False, default="")
    """SHA-256 over names and digests of all files: another digest is another model."""

    def __post_init__(self) -> None:
        lines = "\n".join(f"{file.sha256}  {file.name}" for file in sorted(self.files, key=_name))
        if lines:
            digest = hashlib.sha256(lines.encode()).hexdigest()
            object.__setattr__(self, "digest", digest)

    @property
    def is_ai(self) -> bool:
        """Whether what it finds is to be called the word of an AI."""
        return self.family == ARTIFICIAL_INTELLIGENCE

    @property
    def sha256(self) -> str:
        """Of the first, main file of weights; empty where the model has none of its own."""
        return self.files[0].sha256 if self.files else ""


def _name(file: ModelFile) -> str:
    return file.name


@dataclass(frozen=True)
class Proof:
    """What a self-test showed: numbers that the same model gives again, and a sentence."""

    answer: dict[str, float]
    detail: str


@runtime_checkable
class Provable(Protocol):
    """A pipeline that can prove its model by a known input and a blank one."""

    def prove(self) -> Proof:
        """Load the model and test it. Raises ModelUnusable where it does not do its work."""
        ...
