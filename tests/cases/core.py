"""Rows of `layers/core.py`."""

from cases import Case, Input

CASES = [
    Case("Dense", lambda L: L.Dense(3), Input((4, 5))),
    Case("Dense relu no bias", lambda L: L.Dense(3, activation="relu", use_bias=False), Input((4, 5))),
    Case("Dense regularised", lambda L: L.Dense(3, kernel_regularizer="l2", bias_regularizer="l1"), Input((4, 6, 5))),
    Case("Dense constrained", lambda L: L.Dense(3, kernel_constraint="max_norm"), Input((4, 5))),
    Case("Dense activity", lambda L: L.Dense(3, activity_regularizer="l2"), Input((4, 5))),
    Case("Embedding", lambda L: L.Embedding(11, 4), Input((4, 6), "int32", 0, 11), differentiable=False),
    Case(
        "Embedding mask",
        lambda L: L.Embedding(11, 4, mask_zero=True),
        Input((4, 6), "int32", 0, 3),
        differentiable=False,
    ),
    Case("Activation", lambda L: L.Activation("tanh"), Input((4, 5))),
    Case("Identity", lambda L: L.Identity(), Input((4, 5))),
    Case("Masking", lambda L: L.Masking(mask_value=0.0), Input((4, 3, 5))),
]
