"""Commands that run one process of the node: API, receiver, worker, clock, HL7."""
