"""Floors 0 and 1: what every room uses, from dtypes and messages to the registry of names."""
