"""What is stored: brought in, sent on, kept, decided."""
