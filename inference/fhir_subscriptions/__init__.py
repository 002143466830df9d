"""What is sent to subscribers of FHIR."""
