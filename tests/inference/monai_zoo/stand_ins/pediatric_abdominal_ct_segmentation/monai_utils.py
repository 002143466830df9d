"""Stands in for what the bundle imports and inference does not use."""
