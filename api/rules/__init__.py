"""The site's rules: what they say of a study, their versions, and what others would change."""
