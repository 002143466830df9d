"""The index by connections of the driver itself, where SQLAlchemy costs more than the database."""
