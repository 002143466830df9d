"""What a study waits for, over HTTP."""
