"""Models that a server computes: OpenAI-compatible chat, and the Open Inference Protocol."""
