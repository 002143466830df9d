"""What a question to the search asks for, and what a sentence states of it."""
