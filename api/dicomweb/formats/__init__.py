"""Wire formats of DICOMweb: JSON, XML, multipart, media types."""
