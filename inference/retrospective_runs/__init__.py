"""A pipeline over many stored studies, a few at a time: started, paused, ended."""
