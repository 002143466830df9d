"""One stored instance: its header, and its frames by their byte ranges."""
