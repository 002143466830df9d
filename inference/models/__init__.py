"""Models: cards, files, packs, devices, populations. Their states: `inference.model_registry`."""
