"""Checks of /health and of `mediview doctor`, a module for each subject."""
