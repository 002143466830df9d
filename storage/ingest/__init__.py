"""The one way in: every instance, whatever protocol it came by."""
