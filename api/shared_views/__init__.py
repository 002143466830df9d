"""Views of studies shared by a link: made, opened, listed and revoked."""
