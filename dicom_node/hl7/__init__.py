"""HL7 v2 over MLLP beside DICOM: orders come in by it, and reports go out."""
