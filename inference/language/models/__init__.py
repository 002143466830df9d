"""Language models, in this process or at a server: how they are loaded and asked."""
