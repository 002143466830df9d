"""From complete series to findings, DICOM results and their delivery."""
