"""Python's garbage collector, kept out of the start of a process.

Modules, functions and models live as long as the process. While some hundred thousand of them
are made the collector looks through them again and again, and once more at the end, and finds
nothing: a third of what a short command takes.
"""

import gc


def pause() -> None:
    """While a process imports what it needs."""
    gc.disable()


def resume() -> None:
    """Collect from here on, and never look again at what is there now."""
    gc.freeze()
    gc.enable()
