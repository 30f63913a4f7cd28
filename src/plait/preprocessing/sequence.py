"""Sequences of different lengths as one array."""

from plait.utils.sequence import pad_sequences as pad_sequences

__all__ = ["pad_sequences"]
