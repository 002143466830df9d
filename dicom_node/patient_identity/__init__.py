"""Systems that know who patients are (IHE PIX and PDQ, HL7 v2 and FHIR), asked by this node."""
