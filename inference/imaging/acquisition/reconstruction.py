"""How CT images were reconstructed, as their headers state it (PS3.3 C.8.2.1, C.8.15.3.7)."""

from collections.abc import Sequence

from pydicom.dataset import Dataset

from inference.imaging.headers import number, texts
from inference.imaging.laterality import side_of
from storage.core.findings import Acquisition

# Longer, it is no word but somebody's prose.
_WORD_LENGTH = 40
_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")


def acquisition_of(headers: Sequence[Dataset]) -> Acquisition:
    """Of the images of a volume; what differs between them, or is not stated, is not known."""
    kernels = {kernel_of(header) for header in headers}
    thicknesses = {number(_holders(header), "SliceThickness") for header in headers}
    return Acquisition(
        kernels.pop() if len(kernels) == 1 else "",
        thicknesses.pop() if len(thicknesses) == 1 else None,
        side_of(headers),
    )


def several_kernels(headers: Sequence[Dataset]) -> str:
    """One sentence where the images of a volume state more than one kernel; "" of others."""
    kernels = sorted({kernel_of(header) or "one that is not stated" for header in headers})
    if len(kernels) < 2:
        return ""
    *first, last = kernels
    return (
        f"The images were reconstructed with several kernels, {', '.join(first)} and {last}:"
        " densities depend on the kernel, and none counts as theirs."
    )


def kernel_of(header: Dataset) -> str:
    """ConvolutionKernel without what spaces do to it, several values joined; empty: not stated."""
    for holder in _holders(header):
        stated = " ".join(" ".join(texts(holder.get("ConvolutionKernel"))).split())
        if stated:
            return stated if len(stated) <= _WORD_LENGTH and stated.isprintable() else ""
    return ""


def _holders(header: Dataset) -> list[Dataset]:
    """Where an image keeps it: itself, or its functional groups."""
    found = [header]
    for keyword in _GROUPS:
        for groups in (header.get(keyword) or ())[:1]:
            for inner in ("CTReconstructionSequence", "PixelMeasuresSequence"):
                found.extend((groups.get(inner) or ())[:1])
    return found
