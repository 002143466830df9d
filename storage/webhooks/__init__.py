"""Notices to the addresses that subscribed."""
