"""Work that waits in the database: lists of studies, and threads that look for what is due."""
