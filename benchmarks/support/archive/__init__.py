"""An archive of a million instances and more, to measure with."""
