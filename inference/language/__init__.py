"""Text from models and text about findings: nothing is said that is not supported."""
