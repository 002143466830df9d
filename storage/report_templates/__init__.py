"""Texts that a site keeps ready for reports, by modality and body part."""
