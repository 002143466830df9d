"""What `mediview storage repair` looks at and does, while the node stands still."""
