"""Text from models and text about findings: nothing is stated that is not supported."""
