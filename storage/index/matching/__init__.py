"""Keys of DICOM to conditions of the database: what C-FIND and QIDO-RS match and return."""
