"""What a decoder must know of a frame beside its bytes."""

from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import UID, RLELossless

from storage.core.text.padding import unpadded


@dataclass(frozen=True)
class FrameEncoding:
    """What a decoder must know of a frame beside its bytes (PS3.3 C.7.6.3)."""

    transfer_syntax_uid: str
    encapsulated: bool
    rows: int
    columns: int
    samples_per_pixel: int
    bits_allocated: int
    bits_stored: int
    photometric_interpretation: str
    pixel_representation: int = 0
    planar_configuration: int = 0
    keyword: str = "PixelData"
    high_bit: int | None = None
    """The bit of its cell that a value ends with (PS3.5 8.1.1); None: it begins at the lowest."""

    @property
    def values(self) -> int:
        return self.rows * self.columns * self.samples_per_pixel

    @property
    def low_bits(self) -> int:
        """Bits of each cell below the value; codestreams of JPEG hold values alone."""
        has_cells = not self.encapsulated or self.transfer_syntax_uid == RLELossless
        if self.high_bit is None or self.keyword != "PixelData" or not has_cells:
            return 0
        fits = self.bits_stored <= self.high_bit < self.bits_allocated
        return self.high_bit + 1 - self.bits_stored if fits else 0

    @property
    def axes(self) -> int:
        """Of one frame: rows and columns, and samples of colour."""
        return 3 if self.samples_per_pixel > 1 else 2

    @property
    def decoded_bytes(self) -> int:
        """Of the array that decoding gives: a bit becomes a byte."""
        return self.values * max(1, -(-self.bits_allocated // 8))


def encoding_of(dataset: Dataset, transfer_syntax_uid: str) -> FrameEncoding:
    """From the image pixel module. Raises what a missing or odd attribute raises in pydicom."""
    return FrameEncoding(
        transfer_syntax_uid=transfer_syntax_uid,
        encapsulated=UID(transfer_syntax_uid).is_encapsulated,
        rows=int(dataset.Rows),
        columns=int(dataset.Columns),
        samples_per_pixel=int(dataset.get("SamplesPerPixel") or 1),
        bits_allocated=int(dataset.BitsAllocated),
        bits_stored=int(dataset.get("BitsStored") or dataset.BitsAllocated),
        photometric_interpretation=unpadded(str(dataset.get("PhotometricInterpretation") or ""))
        or "MONOCHROME2",
        pixel_representation=int(dataset.get("PixelRepresentation") or 0),
        planar_configuration=int(dataset.get("PlanarConfiguration") or 0),
        high_bit=high_bit_of(dataset),
    )


def high_bit_of(dataset: Dataset) -> int | None:
    """None where it is missing or no number."""
    stated = dataset.get("HighBit")
    return stated if isinstance(stated, int) else None
