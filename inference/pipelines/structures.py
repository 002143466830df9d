"""The structures that MeshNet tells apart: names, codes, colours, and which come in pairs."""

from dataclasses import dataclass

from storage.core.findings import Code

LEFT = Code("7771000", "SCT", "Left")
RIGHT = Code("24028007", "SCT", "Right")


@dataclass(frozen=True)
class Structure:
    """`label`: as the network's authors name the class (FreeSurfer's names)."""

    label: str
    name: str
    code: Code
    color_rgb: tuple[int, int, int]
    paired: bool = True


def _sct(value: str, meaning: str) -> Code:
    return Code(value, "SCT", meaning)


STRUCTURES = (
    Structure(
        "Cerebral-White-Matter",
        "cerebral white matter",
        _sct("68523003", "Cerebral White Matter"),
        (230, 230, 230),
    ),
    Structure(
        "Cerebral-Cortex",
        "cerebral cortex",
        _sct("40146001", "Cerebral cortex"),
        (205, 62, 78),
    ),
    Structure(
        "Lateral-Ventricle",
        "lateral ventricle",
        _sct("66720007", "Lateral Ventricle"),
        (150, 60, 190),
    ),
    Structure(
        "Inferior-Lateral-Ventricle",
        "inferior horn of lateral ventricle",
        _sct("53118009", "Inferior Horn of Lateral Ventricle"),
        (196, 58, 250),
    ),
    Structure(
        "Cerebellum-White-Matter",
        "cerebellar white matter",
        _sct("33060004", "Cerebellar White Matter"),
        (220, 248, 164),
    ),
    Structure(
        "Cerebellum-Cortex",
        "cerebellar cortex",
        _sct("25991003", "Cerebellar Cortex"),
        (230, 148, 34),
    ),
    Structure("Thalamus", "thalamus", _sct("42695009", "Thalamus"), (0, 150, 40)),
    Structure("Caudate", "caudate nucleus", _sct("11000004", "Caudate Nucleus"), (122, 186, 220)),
    Structure("Putamen", "putamen", _sct("89278009", "Putamen"), (236, 13, 176)),
    Structure("Pallidum", "globus pallidus", _sct("14738005", "Globus Pallidus"), (60, 90, 255)),
    Structure(
        "3rd-Ventricle",
        "third ventricle",
        _sct("49841001", "Third ventricle"),
        (204, 182, 142),
        paired=False,
    ),
    Structure(
        "4th-Ventricle",
        "fourth ventricle",
        _sct("35918002", "Fourth Ventricle"),
        (42, 204, 164),
        paired=False,
    ),
    Structure(
        "Brain-Stem", "brain stem", _sct("119238007", "Brain Stem"), (119, 159, 176), paired=False
    ),
    Structure("Hippocampus", "hippocampus", _sct("5366008", "Hippocampus"), (220, 216, 20)),
    Structure("Amygdala", "amygdala", _sct("4958002", "Amygdala"), (103, 255, 255)),
    Structure(
        "Accumbens-area",
        "nucleus accumbens",
        _sct("427667007", "Nucleus Accumbens"),
        (255, 165, 0),
    ),
    # No code of the dictionaries is narrower than the diencephalon.
    Structure("VentralDC", "ventral diencephalon", _sct("87563008", "Diencephalon"), (190, 80, 60)),
)
# Compact, deep, and one on each side: what the middle of a brain is found by.
GUIDES = ("Thalamus", "Caudate", "Putamen", "Pallidum", "Hippocampus", "Amygdala")
