"""How CT images were reconstructed, as their headers state it (PS3.3 C.8.2.1, C.8.15.3.7)."""

from collections.abc import Sequence

from pydicom.dataset import Dataset

from inference.imaging.headers import OF_CONVERTED, items_of_frames, only_number, texts
from inference.imaging.laterality import side_of
from storage.core.findings import Acquisition

# Longer, it is no word but somebody's prose.
_WORD_LENGTH = 40


def acquisition_of(headers: Sequence[Dataset]) -> Acquisition:
    """Of the images of a volume; what differs between them, or is not stated, is not known."""
    kernels = _kernels(headers)
    thicknesses = {
        only_number(header, "PixelMeasuresSequence", "SliceThickness") for header in headers
    }
    return Acquisition(
        kernels.pop() if len(kernels) == 1 else "",
        thicknesses.pop() if len(thicknesses) == 1 else None,
        side_of(headers),
    )


def several_kernels(headers: Sequence[Dataset]) -> str:
    """One sentence where the images of a volume state more than one kernel; "" of others."""
    kernels = sorted(kernel or "one that is not stated" for kernel in _kernels(headers))
    if len(kernels) < 2:
        return ""
    *first, last = kernels
    return (
        f"The images were reconstructed with several kernels, {', '.join(first)} and {last}:"
        " densities depend on the kernel, and none counts as theirs."
    )


def _kernels(headers: Sequence[Dataset]) -> set[str]:
    return {kernel for header in headers for kernel in kernels_of(header)}


def kernels_of(header: Dataset) -> tuple[str, ...]:
    """ConvolutionKernel of an image, or those of its frames, each once: without what spaces do to
    it, several values joined; empty where one is not stated."""
    if stated := _kernel(header):
        return (stated,)
    of_frames = items_of_frames(header, "CTReconstructionSequence", *OF_CONVERTED)
    return tuple(dict.fromkeys(filter(None, map(_kernel, of_frames)))) or ("",)


def _kernel(holder: Dataset) -> str:
    stated = " ".join(" ".join(texts(holder.get("ConvolutionKernel"))).split())
    return stated if len(stated) <= _WORD_LENGTH and stated.isprintable() else ""
