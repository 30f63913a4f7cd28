"""Rows of `layers/merging.py`."""

from cases import Case, Input

TWO = [Input((3, 4)), Input((3, 4))]
THREE = [Input((3, 4)), Input((3, 4)), Input((3, 4))]
BROADCAST = [Input((3, 2, 4)), Input((3, 1, 4))]

CASES = [
    Case("Add", lambda L: L.Add(), THREE),
    Case("Add broadcast", lambda L: L.Add(), BROADCAST),
    Case("Subtract", lambda L: L.Subtract(), TWO),
    Case("Multiply", lambda L: L.Multiply(), THREE),
    Case("Average", lambda L: L.Average(), THREE),
    Case("Maximum", lambda L: L.Maximum(), THREE),
    Case("Minimum", lambda L: L.Minimum(), THREE),
    Case("Concatenate", lambda L: L.Concatenate(), [Input((3, 2, 4)), Input((3, 2, 5))]),
    Case("Concatenate axis", lambda L: L.Concatenate(axis=1), [Input((3, 2, 4)), Input((3, 5, 4))]),
    Case("Dot", lambda L: L.Dot(axes=1), TWO),
    Case("Dot normalised", lambda L: L.Dot(axes=(2, 1), normalize=True), [Input((3, 2, 4)), Input((3, 4, 5))]),
]
