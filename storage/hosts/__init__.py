"""The hosts that store in data folders of their own, and what each holds."""
