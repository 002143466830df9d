"""Where in the body a clause speaks of, to distinguish two findings of one kind."""

from __future__ import annotations

from collections.abc import Sequence

from inference.language.critical.tokens import Token

# Beginnings of words by site; `=` before a whole word.
_BEGINNINGS = {
    "rib": "=rib =ribs rippe costal kosta", "sternum": "sternum sternal",
    "clavicle": "clavic klavik schluesselbein", "scapula": "scapul skapul schulterblatt",
    "humerus": "humer oberarm", "elbow": "elbow ellenbog olecran olekran",
    "radius": "=radius =radial radiusfrakt speiche", "ulna": "ulna",
    "hand": "=hand metacarp metakarp scaphoid skaphoid carpal wrist finger handgelenk",
    "femur": "femur femor =hip hueft schenkelhals pertroch intertroch subtroch oberschenkel",
    "knee": "patell knee knie", "tibia": "tibia schienbein", "fibula": "fibul wadenbein",
    "ankle": "ankle malleol sprunggelenk", "foot": "=foot metatars calcan kalkan fuss talus",
    "pelvis": "pelvi pubic acetabul azetabul becken sacr sakr iliac ischi schambein",
    "shoulder": "shoulder schulter glenohumer", "skull": "skull calvar schaedel kalott",
    "face": "orbita nasal nasen mandib zygoma maxill unterkiefer", "spine": "vertebr wirbel spin",
    "brain": "brain cereb zereb hirn kleinhirn frontal temporal occipit pariet",
    "lung": "lung pulmon hilar lobe oberlapp unterlapp mittellapp",
    "pleura": "pleura", "mediastinum": "mediastin", "breast": "breast mamma brust",
    "liver": "liver hepat leber", "spleen": "spleen splen milz", "pancreas": "pancrea pankrea",
    "kidney": "kidney =renal niere perineph perirenal", "adrenal": "adrenal nebennier",
    "bowel": "bowel colon colic kolon sigm rectum rectal rektum jejun ileum darm appendi",
    "stomach": "stomach gastric magen", "bladder": "bladder blase harnblase",
    "prostate": "prosta", "ovary": "ovar adnex tubo", "uterus": "uter", "testis": "test hoden",
    "bone": "bone =osseous knochen ossaer", "lymph_node": "=node =nodes nodal lymphknot",
    "thyroid": "thyroid schilddr", "neck": "=neck =hals cervical retrophar parapharyn",
}  # fmt: skip
_ALL = [(one, site) for site, ones in _BEGINNINGS.items() for one in ones.split()]


def sites_of(tokens: Sequence[Token]) -> frozenset[str]:
    """The sites that they name; vertebrae by their numbers, too: `L1`."""
    return frozenset(
        site
        for token in tokens
        for one, site in _ALL
        if (token.text == one[1:] if one[0] == "=" else token.text.startswith(one))
    ) | frozenset(
        token.text
        for token in tokens
        if len(token.text) in (2, 3) and token.text[0] in "clt" and token.text[1:].isdigit()
    )
