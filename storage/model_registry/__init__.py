"""States of models, their shadow runs, and drift of their inputs."""
