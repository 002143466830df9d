"""Which view of the patient a projection is: by its codes, and by where its rows lead.

Views have the short names of View Position (PS3.3 C.8.7.5.1.1, C.8.11.7) and of the abbreviations
for mammography (PS3.16 CID 4014). No word of a description counts.
"""

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DatasetSequence

from inference.imaging.headers import patient_orientation, texts

_OF_CODES = {
    # SCT, and the SNOMED-RT code that older senders write (PS3.16 Table O-1).
    "399348003": "AP",
    "R-10206": "AP",
    "272479007": "PA",
    "R-10214": "PA",
    "R-40888": "PA",
    "399067008": "LATERAL",
    "R-102CD": "LATERAL",
    "399173006": "LL",
    "R-10236": "LL",
    "399198007": "RL",
    "R-10232": "RL",
    "399033003": "FRONTAL",
    "R-10202": "FRONTAL",
    "399135007": "LAO",
    "R-10220": "LAO",
    "399356000": "RAO",
    "R-40985": "RAO",
    "399006002": "LPO",
    "R-10212": "LPO",
    "399038007": "RPO",
    "R-10210": "RPO",
    # Mammography (CID 4014).
    "399162004": "CC",
    "R-10242": "CC",
    "399368009": "MLO",
    "R-10226": "MLO",
    "399260004": "ML",
    "R-10224": "ML",
    "399352003": "LM",
    "R-10228": "LM",
    "399099002": "LMO",
    "R-10230": "LMO",
    "399192008": "XCCL",
    "R-1024A": "XCCL",
    "399101009": "XCCM",
    "R-1024B": "XCCM",
    "399196006": "FB",
    "R-10244": "FB",
    "399188001": "SIO",
    "R-102D0": "SIO",
    "441555000": "ISO",
    "R-40AAA": "ISO",
}
VIEWS = frozenset(_OF_CODES.values()) | {"LLO", "RLO", "LLD", "RLD"}
SPELLINGS = {"LATERAL LEFT": "LL", "LATERAL RIGHT": "RL", "LAT": "LATERAL", "XCC": "XCCL"}
_PROJECTIONS = frozenset({"CR", "DX", "MG", "RG", "XA", "RF", "IO", "PX"})


def view_of(header: Dataset) -> str:
    """`PA`, `AP`, `LL`, `CC`, `MLO`, …; empty where nothing but words would tell it.

    By View Code Sequence, then View Position, then Patient Orientation: of a projection whose
    rows lead forwards or backwards it is a lateral one, of one whose rows lead to a side and
    columns to the feet a frontal one, of which nothing tells whether from the front or the back.
    Oblique and axial views lie like these: one that is coded, but not here, has no name.
    """
    coded = [str(item.get("CodeValue", "")).strip() for item in _items(header, "ViewCodeSequence")]
    for code in coded:
        if code in _OF_CODES:
            return _OF_CODES[code]
    stated = str(header.get("ViewPosition") or "").strip().upper()
    stated = SPELLINGS.get(stated, stated)
    if stated in VIEWS:
        return stated
    if any(coded) or header.get("Modality") not in _PROJECTIONS - {"MG"}:
        return ""
    directions = patient_orientation(header)
    if len(directions) != 2 or directions[1] not in ("F", "H"):
        return ""
    return {"A": "LATERAL", "P": "LATERAL", "L": "FRONTAL", "R": "FRONTAL"}.get(directions[0], "")


def attenuation_corrected(header: Dataset) -> str:
    """`yes` or `no` of PET (PS3.3 C.8.9.1, Corrected Image); empty of anything else.

    Enhanced PET states it frame by frame; that of all frames counts (C.8.22.1).
    """
    if header.get("Modality") != "PT":
        return ""
    if "CorrectedImage" in header:
        done = {one.strip().upper() for one in texts(header.get("CorrectedImage"))}
        return "yes" if "ATTN" in done else "no"
    stated = str(header.get("AttenuationCorrected") or "").strip().upper()
    if stated in ("YES", "NO"):
        return stated.lower()
    method = str(header.get("AttenuationCorrectionMethod") or "").strip().upper()
    return "yes" if method and method != "NONE" else "no"


def _items(dataset: Dataset, keyword: str) -> list[Dataset]:
    value = dataset.get(keyword)
    return list(value) if isinstance(value, DatasetSequence) else []
