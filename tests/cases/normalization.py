"""Rows of `layers/normalization.py`."""

from cases import Case, Input

X = Input((6, 5, 4), low=-2, high=3)

CASES = [
    Case("BatchNormalization", lambda L: L.BatchNormalization(), X, training=True, batchwise=True),
    Case(
        "BatchNormalization axis", lambda L: L.BatchNormalization(axis=1, scale=False, momentum=0.5), X, training=True
    ),
    Case("LayerNormalization", lambda L: L.LayerNormalization(), X),
    Case("LayerNormalization axes", lambda L: L.LayerNormalization(axis=[1, 2], center=False), X),
    Case("RMSNormalization", lambda L: L.RMSNormalization(), X),
    Case("UnitNormalization", lambda L: L.UnitNormalization(), X),
    Case("GroupNormalization", lambda L: L.GroupNormalization(groups=2), X),
]
