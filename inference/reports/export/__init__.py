"""How a report leaves the house: DICOM SR, PDF, plain text, HL7 v2."""
