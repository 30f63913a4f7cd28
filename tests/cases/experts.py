"""Rows of `layers/experts.py`. Keras has none of these: `tests/unit/layers/test_experts.py` has their formulas in NumPy."""

from cases import Case, Input

X, IMAGE = Input((4, 6)), Input((4, 5, 5, 3))

CASES = [
    Case("MMoE", lambda L: L.MMoE(L.Dense(5, activation="relu"), 3, 2), X, in_keras=False),
    Case("MMoE images", lambda L: L.MMoE(L.Conv2D(2, 3), 2, 2), IMAGE, in_keras=False),
    Case("CGC", lambda L: L.CGC(L.Dense(5, activation="tanh"), 2, shared_experts=2), X, in_keras=False),
    Case("CGC list", lambda L: L.CGC(L.Dense(5), 2, returns_shared=True), [X, X, X], in_keras=False),
    Case("PLE", lambda L: L.PLE(L.Dense(5, activation="tanh"), 2, levels=3), X, in_keras=False),
    Case("CrossStitch", lambda L: L.CrossStitch(), [IMAGE, IMAGE, IMAGE], in_keras=False),
    Case("CrossStitch shared", lambda L: L.CrossStitch(by_channel=False), [X, X], in_keras=False),
    Case("TaskAttention", lambda L: L.TaskAttention(4), IMAGE, training=True, batchwise=True, in_keras=False),
    Case(
        "TaskAttention previous",
        lambda L: L.TaskAttention(4),
        IMAGE,
        call={"previous": Input((4, 5, 5, 2))},
        training=True,
        batchwise=True,
        in_keras=False,
    ),
]
