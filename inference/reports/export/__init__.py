"""How a report leaves the node: DICOM SR, PDF, plain text, HL7 v2."""
