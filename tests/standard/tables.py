"""The tables of PS3.3, PS3.4 and PS3.6 as the wheel `dicom-standard` carries them: April 2020."""

import json
from collections import defaultdict
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, NamedTuple


class Attribute(NamedTuple):
    """One row of a module or macro. `path` names the sequences that it lies in, then itself."""

    path: str
    tag: str
    type: str
    description: str
    links: tuple[str, ...]


@cache
def attributes(kind: str) -> dict[str, list[Attribute]]:
    """The rows of every "module" or every "macro" (PS3.3 Annex C), by its identifier."""
    found: dict[str, list[Attribute]] = defaultdict(list)
    # 38 MB, most of it the same few macros again and again: equal texts are kept once.
    once: dict[str, str] = {}
    for row in _read(f"{kind}_to_attributes"):
        description = once.setdefault(row["description"], row["description"])
        links = tuple(one["sourceUrl"] for one in row["externalReferences"])
        found[row[f"{kind}Id"]].append(
            Attribute(row["path"], row["tag"], row["type"], description, links)
        )
    return found


@cache
def sections() -> dict[str, str]:
    """The sections that descriptions refer to, by label, such as sect_C.7.6.3.1.2."""
    return {address.rpartition("#")[2]: text for address, text in _read("references").items()}


@cache
def iod_of(sop_class_uid: str) -> str | None:
    """The IOD of a storage SOP class (PS3.4 Table B.5-1), or None where the edition has none."""
    names = {one["id"]: one["ciod"] for one in _read("sops")}
    identifiers = {one["name"]: one["id"] for one in _read("ciods")}
    return identifiers[names[sop_class_uid]] if sop_class_uid in names else None


def modules_of(iod: str) -> list[dict[str, Any]]:
    """What an IOD is made of (PS3.3 Annex A), with the usage of each."""
    return [row for row in _usages("modules") if row["ciodId"] == iod]


def functional_groups_of(iod: str) -> list[dict[str, Any]]:
    """The functional group macros of a multi-frame IOD, with the usage of each."""
    return [row for row in _usages("fg_macros") if row["ciodId"] == iod]


@cache
def names(kind: str) -> dict[str, str]:
    """The title of every "module" or every "macro"."""
    return {one["id"]: one["name"] for one in _read(f"{kind}s")}


@cache
def dictionary() -> dict[str, dict[str, str]]:
    """The data elements (PS3.6), in the form of dicom-validator's part 6 reader."""
    return {
        one["tag"]: {
            "name": one["name"],
            "vr": one["valueRepresentation"],
            "vm": one["valueMultiplicity"],
            "prop": "RET" if one["retired"] == "Y" else "",
        }
        for one in _read("attributes")
    }


@cache
def _usages(of: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _read(f"ciod_to_{of}")
    return found


def _read(name: str) -> Any:
    """One file of the wheel, which lays its data beside the packages and not within one."""
    for file in distribution("dicom-standard").files or ():
        if file.parts[-2:] == ("standard", f"{name}.json"):
            return json.loads(Path(file.locate()).read_bytes())
    raise FileNotFoundError(f"The wheel dicom-standard has no standard/{name}.json.")
