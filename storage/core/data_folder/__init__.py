"""The data folder: private, with a reserve of room, and unused during a restore."""
