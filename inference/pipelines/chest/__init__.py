"""Volumes of the chest: both lungs and how dense they are."""
