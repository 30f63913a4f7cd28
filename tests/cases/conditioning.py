"""Rows of `layers/conditioning.py`. Keras has none of these: `tests/unit/layers/test_conditioning.py` has their formulas in NumPy."""

from cases import Case, Input

X, C = Input((4, 5, 6)), Input((4, 3))
IMAGE = Input((4, 6, 6, 3))
GLOROT = {"kernel_initializer": "glorot_uniform"}

CASES = [
    Case("FiLM", lambda L: L.FiLM(**GLOROT), X, call={"condition": C}, in_keras=False),
    Case("FiLM image", lambda L: L.FiLM(**GLOROT), IMAGE, call={"condition": C}, in_keras=False),
    Case(
        "ConditionalBatchNormalization",
        lambda L: L.ConditionalBatchNormalization(**GLOROT),
        X,
        call={"condition": C},
        training=True,
        batchwise=True,
        in_keras=False,
    ),
    Case(
        "ConditionalLayerNormalization",
        lambda L: L.ConditionalLayerNormalization(**GLOROT),
        X,
        call={"condition": C},
        in_keras=False,
    ),
    Case(
        "ConditionalInstanceNormalization",
        lambda L: L.ConditionalInstanceNormalization(**GLOROT),
        IMAGE,
        call={"condition": C},
        in_keras=False,
    ),
    Case("AdaLNZero", lambda L: L.AdaLNZero(**GLOROT), X, call={"condition": C}, in_keras=False),
    Case("GatedConditioning", lambda L: L.GatedConditioning(4), X, call={"condition": C}, in_keras=False),
    Case(
        "CrossAttentionConditioning",
        lambda L: L.CrossAttentionConditioning(2, 3),
        X,
        call={"condition": Input((4, 7, 3))},
        in_keras=False,
    ),
    Case(
        "HyperDense",
        lambda L: L.HyperDense(4, activation="tanh", hyper_initializer="glorot_uniform"),
        X,
        call={"condition": C},
        in_keras=False,
    ),
    Case(
        "HyperConv1D",
        lambda L: L.HyperConv1D(4, 3, padding="same", hyper_initializer="glorot_uniform"),
        X,
        call={"condition": C},
        in_keras=False,
    ),
    Case(
        "HyperConv2D",
        lambda L: L.HyperConv2D(2, 3, strides=2, hyper_initializer="glorot_uniform"),
        IMAGE,
        call={"condition": C},
        in_keras=False,
    ),
    Case(
        "HyperConv3D",
        lambda L: L.HyperConv3D(2, 2, hyper_initializer="glorot_uniform"),
        Input((4, 3, 3, 3, 2)),
        call={"condition": C},
        in_keras=False,
    ),
]
