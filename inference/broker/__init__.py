"""The queues between processes: their settings, the broker of files, waking a worker."""
