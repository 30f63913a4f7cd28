"""Callbacks, one file a kind; their names stand in `plait.callbacks`."""
