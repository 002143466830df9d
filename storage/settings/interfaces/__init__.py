"""Settings of the interfaces to other systems: HL7, FHIR, SMART, UPS."""
