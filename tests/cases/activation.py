"""Rows of `layers/activation.py`."""

from cases import Case, Input

X = Input((6, 5, 4), low=-3, high=3)

CASES = [
    Case("ReLU", lambda L: L.ReLU(), X),
    Case("ReLU options", lambda L: L.ReLU(max_value=2.0, negative_slope=0.1, threshold=0.5), X),
    Case("LeakyReLU", lambda L: L.LeakyReLU(), X),
    Case("ELU", lambda L: L.ELU(alpha=0.5), X),
    Case("PReLU", lambda L: L.PReLU(alpha_initializer="glorot_uniform"), X),
    Case("PReLU shared", lambda L: L.PReLU(alpha_initializer="glorot_uniform", shared_axes=[1]), X),
    Case("Softmax", lambda L: L.Softmax(), X),
    Case("Softmax mask", lambda L: L.Softmax(), X, call={"mask": Input((6, 5, 4), "bool")}),
]
