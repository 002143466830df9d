"""Commands that run one role of the node."""
