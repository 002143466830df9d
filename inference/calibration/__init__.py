"""What a pixel of an image is worth, in which unit, and with which caveat.

Everything that measures on an image asks here; `viewer/dicom/calibration` follows the same
rules, and one table of cases (`tests/inference/calibration/matrix.json`) is checked
against both. The rules with their references are in `docs/calibration.md`.
"""
