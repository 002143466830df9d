"""Under which other IDs patients are known, as the site's cross-reference manager says."""
