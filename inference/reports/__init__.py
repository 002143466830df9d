"""Reports of studies in words: drafted from findings, each sentence bound to what supports it."""
