"""The rules of a site: one language of conditions, one file, one check."""
