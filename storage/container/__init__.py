"""The container: everything that the storage layer has, opened together.

`members` says what there is, `opening` how each is made; a new repository is a line in both.
"""

from storage.container.members import Storage
from storage.container.opening import open_storage

__all__ = ["Storage", "open_storage"]
