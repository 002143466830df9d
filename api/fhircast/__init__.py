"""The node as a FHIRcast hub (HL7 FHIRcast 3.0.0, STU3): what one system opens, all open."""
