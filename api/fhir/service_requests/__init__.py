"""Orders by FHIR (hl7.org/fhir/R4/servicerequest.html), as HL7 v2 orders them by ORM."""
