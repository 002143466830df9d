"""A FHIRcast hub's state (HL7 FHIRcast 3.0.0, STU3): shared by all processes of a node."""
