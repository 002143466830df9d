"""What a segment that somebody draws can stand for: names, codes and colours.

The codes are of SNOMED CT, as PS3.16 uses them for segments (CID 7150 and those below it).
"""

from dataclasses import dataclass

from inference.pipeline_output import MORPHOLOGICALLY_ABNORMAL
from storage.core.findings import Code

LATERALITIES = {
    "LEFT": Code("7771000", "SCT", "Left"),
    "RIGHT": Code("24028007", "SCT", "Right"),
}
"""PS3.16 CID 244, without those that stand for both sides."""


@dataclass(frozen=True)
class DrawnStructure:
    """`id` is a word of the API; `name_de` the German name. Paired ones may have a side."""

    id: str
    category: Code
    code: Code
    name_de: str
    color_rgb: tuple[int, int, int]
    is_paired: bool = False


_LESION = Code(MORPHOLOGICALLY_ABNORMAL, "SCT", "Morphologically Abnormal Structure")
_ANATOMY = Code("123037004", "SCT", "Anatomical Structure")


def _lesion(
    id: str, code: str, name: str, name_de: str, color: tuple[int, int, int]
) -> DrawnStructure:
    # A lesion may lie on either side.
    return DrawnStructure(id, _LESION, Code(code, "SCT", name), name_de, color, True)


def _anatomy(
    id: str,
    code: str,
    name: str,
    name_de: str,
    color: tuple[int, int, int],
    is_paired: bool = False,
) -> DrawnStructure:
    return DrawnStructure(id, _ANATOMY, Code(code, "SCT", name), name_de, color, is_paired)


STRUCTURES: tuple[DrawnStructure, ...] = (
    _lesion("mass", "4147007", "Mass", "Raumforderung", (235, 87, 87)),
    _lesion("nodule", "27925004", "Nodule", "Knoten", (255, 166, 77)),
    _lesion("tumor", "108369006", "Tumor", "Tumor", (217, 64, 64)),
    _lesion(
        "primary_tumor", "86049000", "Malignant neoplasm, primary", "Primärtumor", (200, 30, 60)
    ),
    _lesion("metastasis", "14799000", "Neoplasm, Secondary", "Metastase", (255, 112, 166)),
    _lesion("lesion", "52988006", "Lesion", "Läsion", (255, 214, 10)),
    _lesion("cyst", "367643001", "Cyst", "Zyste", (90, 200, 250)),
    _lesion("hematoma", "35566002", "Hematoma", "Hämatom", (160, 40, 70)),
    _lesion("hemorrhage", "50960005", "Hemorrhage", "Blutung", (190, 20, 40)),
    _lesion("edema", "79654002", "Edema", "Ödem", (120, 220, 232)),
    _lesion("necrosis", "6574001", "Necrosis", "Nekrose", (150, 120, 90)),
    _lesion("abscess", "44132006", "Abscess", "Abszess", (200, 200, 80)),
    _lesion("effusion", "41699000", "Effusion", "Erguss", (80, 150, 230)),
    _lesion("thrombus", "396339007", "Thrombus", "Thrombus", (176, 80, 200)),
    _anatomy(
        "abdominal_wall_muscle",
        "1142228004",
        "Abdominal wall muscle",
        "Bauchwandmuskulatur",
        (185, 102, 83),
        True,
    ),
    _anatomy("adrenal_gland", "23451007", "Adrenal gland", "Nebenniere", (244, 186, 150), True),
    _anatomy("aorta", "15825003", "Aorta", "Aorta", (224, 97, 76)),
    _anatomy("appendix", "66754008", "Appendix", "Appendix", (200, 160, 110)),
    _anatomy("bladder", "89837001", "Urinary bladder", "Harnblase", (222, 154, 132)),
    _anatomy("bone", "3138006", "Bone", "Knochen", (241, 214, 145), True),
    _anatomy("brain", "12738006", "Brain", "Gehirn", (250, 250, 170)),
    _anatomy("brain_stem", "119238007", "Brain stem", "Hirnstamm", (119, 159, 176)),
    _anatomy("breast", "76752008", "Breast", "Brust", (230, 170, 180), True),
    _anatomy("cerebellum", "113305005", "Cerebellum", "Kleinhirn", (194, 195, 164)),
    _anatomy("clavicle", "51299004", "Clavicle", "Schlüsselbein", (235, 205, 150), True),
    _anatomy("colon", "71854001", "Colon", "Kolon", (204, 168, 143)),
    _anatomy(
        "common_bile_duct", "79741001", "Common bile duct", "Ductus choledochus", (0, 145, 80)
    ),
    _anatomy("duodenum", "38848004", "Duodenum", "Duodenum", (255, 230, 160)),
    _anatomy("esophagus", "32849002", "Esophagus", "Speiseröhre", (211, 171, 143)),
    _anatomy("eye", "81745001", "Eye", "Auge", (194, 142, 232), True),
    _anatomy("fat", "55603005", "Fat", "Fett", (230, 220, 70)),
    _anatomy("femur", "71341001", "Femur", "Femur", (240, 200, 130), True),
    _anatomy("gallbladder", "28231008", "Gallbladder", "Gallenblase", (139, 150, 98)),
    _anatomy("heart", "80891009", "Heart", "Herz", (206, 110, 84)),
    _anatomy("hippocampus", "5366008", "Hippocampus", "Hippocampus", (220, 216, 20), True),
    _anatomy("humerus", "85050009", "Humerus", "Humerus", (238, 200, 140), True),
    _anatomy("iliac_artery", "10293006", "Iliac artery", "Beckenarterie", (216, 101, 79), True),
    _anatomy(
        "inferior_vena_cava", "64131007", "Inferior vena cava", "Vena cava inferior", (0, 151, 206)
    ),
    _anatomy("kidney", "64033007", "Kidney", "Niere", (185, 102, 183), True),
    _anatomy("liver", "10200004", "Liver", "Leber", (221, 130, 101)),
    _anatomy("lung", "39607008", "Lung", "Lunge", (197, 165, 145), True),
    _anatomy("lymph_node", "59441001", "Lymph node", "Lymphknoten", (68, 172, 100), True),
    _anatomy("mandible", "91609006", "Mandible", "Unterkiefer", (222, 198, 101)),
    _anatomy("muscle", "91727004", "Muscle", "Muskel", (192, 104, 88), True),
    _anatomy("optic_nerve", "18234004", "Optic nerve", "Sehnerv", (244, 214, 49), True),
    _anatomy("ovary", "15497006", "Ovary", "Ovar", (213, 141, 113), True),
    _anatomy("pancreas", "15776009", "Pancreas", "Pankreas", (249, 180, 111)),
    _anatomy(
        "parotid_gland", "45289007", "Parotid gland", "Ohrspeicheldrüse", (183, 214, 211), True
    ),
    _anatomy("pharynx", "54066008", "Pharynx", "Pharynx", (184, 122, 154)),
    _anatomy("pleura", "3120008", "Pleura", "Pleura", (140, 180, 220), True),
    _anatomy("portal_vein", "32764006", "Portal vein", "Pfortader", (0, 120, 190)),
    _anatomy("prostate", "41216001", "Prostate", "Prostata", (230, 158, 140)),
    _anatomy(
        "pulmonary_artery", "81040000", "Pulmonary artery", "Pulmonalarterie", (0, 122, 171), True
    ),
    _anatomy("radius", "62413002", "Radius", "Radius", (236, 205, 140), True),
    _anatomy("rectum", "34402009", "Rectum", "Rektum", (190, 130, 110)),
    _anatomy("rib", "113197003", "Rib", "Rippe", (253, 232, 158), True),
    _anatomy(
        "right_ventricle",
        "53085002",
        "Right ventricle of heart",
        "Rechter Ventrikel",
        (181, 85, 57),
    ),
    _anatomy("scapula", "79601000", "Scapula", "Schulterblatt", (212, 188, 102), True),
    _anatomy("skull", "89546000", "Skull", "Schädel", (241, 213, 144)),
    _anatomy("small_bowel", "30315005", "Small intestine", "Dünndarm", (205, 167, 142)),
    _anatomy("spinal_cord", "2748008", "Spinal cord", "Rückenmark", (244, 214, 49)),
    _anatomy("spleen", "78961009", "Spleen", "Milz", (157, 108, 162)),
    _anatomy("sternum", "56873002", "Sternum", "Brustbein", (244, 217, 154)),
    _anatomy("stomach", "69695003", "Stomach", "Magen", (216, 132, 105)),
    _anatomy("temporal_lobe", "78277001", "Temporal lobe", "Temporallappen", (190, 190, 140), True),
    _anatomy("thyroid", "69748006", "Thyroid gland", "Schilddrüse", (62, 162, 114)),
    _anatomy("trachea", "44567001", "Trachea", "Trachea", (182, 228, 255)),
    _anatomy("urethra", "13648007", "Urethra", "Harnröhre", (200, 110, 140)),
    _anatomy("uterus", "35039007", "Uterus", "Uterus", (255, 181, 158)),
    _anatomy("vertebra", "51282000", "Vertebra", "Wirbel", (255, 255, 207)),
    _anatomy("tissue", "85756007", "Tissue", "Gewebe", (128, 174, 128)),
)
BY_ID = {one.id: one for one in STRUCTURES}
_BY_CODE = {(one.code.value, one.code.scheme_designator): one for one in STRUCTURES}


def structure_of(value: str, scheme_designator: str) -> DrawnStructure | None:
    """The structure of a code; None for one that is not in the list."""
    return _BY_CODE.get((value, scheme_designator))
