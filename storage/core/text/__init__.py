"""Text of DICOM and of people: character sets, padding, folding, look-alike names."""
