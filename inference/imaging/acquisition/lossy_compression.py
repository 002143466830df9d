"""Whether images were compressed with loss, as their headers state it (PS3.3 C.7.6.1.1.5)."""

from collections.abc import Sequence

from pydicom.dataset import Dataset

from inference.imaging.headers import texts
from inference.imaging.stated_numbers import headers_of
from inference.imaging.volume import Volume
from storage.core.caveats import Caveat


def caveat_of_lossy_compression(sources: Sequence[Dataset], volume: Volume) -> Caveat | None:
    """With the largest ratio that is stated; None where no image states such a compression.

    `sources`: the instances from which the volume was assembled, and perhaps more.
    """
    lossy = [
        header
        for header in headers_of(sources, volume)
        if str(header.get("LossyImageCompression") or "").strip() == "01"
    ]
    if not lossy:
        return None
    ratio = max((_ratio(header) for header in lossy), default=0.0)
    stated = f" ({ratio:g} : 1)" if ratio else " (the ratio is not stated)"
    return Caveat(
        "lossy_compression",
        f"The images were compressed with loss{stated}: grey values, densities and edges are not"
        " those that were acquired.",
    )


def _ratio(header: Dataset) -> float:
    """Of compressions one after the other, as the standard states each of them."""
    ratio = 1.0
    for text in texts(header.get("LossyImageCompressionRatio")):
        try:
            value = float(text)
        except ValueError:
            continue
        if 1 <= value < 1e6:
            ratio *= value
    return ratio if ratio > 1 else 0.0
