"""Settings of models: installed ones, servers, containers and language."""
