"""The node as Task Performer of other systems' worklists (IHE AIW-I, UPS-RS)."""
