"""Rows of `layers/attention.py` and `layers/einsum_dense.py`."""

from cases import Case, Input

Q, V = Input((2, 5, 6)), Input((2, 7, 6))

CASES = [
    Case("MultiHeadAttention", lambda L: L.MultiHeadAttention(2, 3), Q, call={"value": V}),
    Case(
        "MultiHeadAttention value",
        lambda L: L.MultiHeadAttention(3, 4, use_bias=False),
        Q,
        call={"value": V},
    ),
    Case(
        "MultiHeadAttention scores",
        lambda L: L.MultiHeadAttention(2, 3, output_shape=4),
        Q,
        call={"value": V, "return_attention_scores": True},
    ),
    Case(
        "MultiHeadAttention causal", lambda L: L.MultiHeadAttention(2, 3), Q, call={"value": Q, "use_causal_mask": True}
    ),
    Case(
        "MultiHeadAttention masked",
        lambda L: L.MultiHeadAttention(2, 3),
        Q,
        call={"value": V, "attention_mask": Input((2, 5, 7), "bool")},
    ),
    Case("Attention", lambda L: L.Attention(), [Q, V]),
    Case("Attention scaled", lambda L: L.Attention(use_scale=True), [Q, V, V]),
    Case("Attention concat", lambda L: L.Attention(score_mode="concat"), [Q, V]),
    Case("AdditiveAttention", lambda L: L.AdditiveAttention(), [Q, V]),
    Case("EinsumDense", lambda L: L.EinsumDense("abc,cd->abd", (None, 7), bias_axes="d"), Q),
    Case(
        "EinsumDense ellipsis", lambda L: L.EinsumDense("...x,xyz->...yz", (2, 3), bias_axes="yz", activation="relu"), Q
    ),
]
