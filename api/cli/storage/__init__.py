"""Commands on what is stored: storage, backup, restore, migrate."""
