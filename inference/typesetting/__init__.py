"""Text of every script in PDFs."""
