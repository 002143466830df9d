"""What people draw, choose and correct."""
