"""What people and programs see: DICOMweb, REST, live events, the command line."""
