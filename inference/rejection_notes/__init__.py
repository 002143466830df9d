"""Rejection notes from elsewhere (IHE IOCM): what they name is used no more."""
