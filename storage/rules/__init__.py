"""The site's rules as they were saved, version by version."""
