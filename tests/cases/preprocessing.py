"""Rows of `layers/preprocessing`."""

from cases import Case, Input

CASES = [
    Case("Rescaling", lambda L: L.Rescaling(1 / 3, offset=-1), Input((4, 5))),
    Case("Normalization given", lambda L: L.Normalization(mean=[1.0, 2.0], variance=[4.0, 9.0]), Input((4, 2))),
    Case(
        "Normalization inverted",
        lambda L: L.Normalization(mean=1.0, variance=4.0, invert=True, axis=None),
        Input((4, 2)),
    ),
]
