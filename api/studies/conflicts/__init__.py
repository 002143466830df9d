"""Instances kept aside because another content came under a known UID."""
