"""Models: cards, files, packs, devices, verification and states."""
