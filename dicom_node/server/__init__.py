"""The listening side of the node: connections, processes, and which service answers what."""
