"""What a person draws on images or says of results, kept as DICOM objects."""
