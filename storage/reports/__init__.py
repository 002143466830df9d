"""Reports and their versions, alerts, HL7 messages."""
