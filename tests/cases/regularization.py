"""Rows of `layers/regularization.py`."""

from cases import Case, Input

X = Input((6, 5, 4))

CASES = [
    Case("Dropout", lambda L: L.Dropout(0.4, seed=3), X, training=True, random=True),
    Case("Dropout shape", lambda L: L.Dropout(0.4, noise_shape=(6, 1, 4), seed=3), X, training=True, random=True),
    Case("SpatialDropout1D", lambda L: L.SpatialDropout1D(0.4, seed=3), X, training=True, random=True),
    Case(
        "SpatialDropout2D", lambda L: L.SpatialDropout2D(0.4, seed=3), Input((6, 3, 3, 4)), training=True, random=True
    ),
    Case(
        "SpatialDropout3D",
        lambda L: L.SpatialDropout3D(0.4, seed=3),
        Input((6, 3, 2, 3, 4)),
        training=True,
        random=True,
    ),
    Case("GaussianNoise", lambda L: L.GaussianNoise(0.4, seed=3), X, training=True, random=True),
    Case("GaussianDropout", lambda L: L.GaussianDropout(0.4, seed=3), X, training=True, random=True),
    Case("AlphaDropout", lambda L: L.AlphaDropout(0.4, seed=3), X, training=True, random=True),
    Case("ActivityRegularization", lambda L: L.ActivityRegularization(l1=0.1, l2=0.2), X),
]
