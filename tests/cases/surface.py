"""Rows of `layers/convolutional_recurrent.py`, `spectral.py`, `grouped_attention.py` and `reversible_embedding.py`."""

from cases import Case, Input

FRAMES = Input((2, 3, 6, 6, 2))
ROWS = Input((2, 3, 7, 2))
PAIR = Input((2, 4, 5))
VALUE = {"value": Input((2, 6, 5))}
TOKENS = Input((3, 4), "int32", 0, 10)
MASK = {"mask": Input((2, 3), "bool")}
NO_MASKS: dict[str, str] = dict.fromkeys(
    ("values_and_weights", "gradients", "training_changes_the_same_statistics")
    + ("first_weights_are_the_same_after_the_same_seed",),
    "Keras's ConvLSTM layers fail on masks; tests/unit/layers/test_convolutional_recurrent.py says what they do here",
)

CASES = [
    Case("ConvLSTM1D", lambda L: L.ConvLSTM1D(3, 3, strides=2, padding="same", return_sequences=True), ROWS),
    Case("ConvLSTM1D dilated", lambda L: L.ConvLSTM1D(3, 2, dilation_rate=2, return_state=True), ROWS),
    Case("ConvLSTM1D masked", lambda L: L.ConvLSTM1D(3, 2, return_sequences=True), ROWS, call=MASK, skip=NO_MASKS),
    Case("ConvLSTM2D", lambda L: L.ConvLSTM2D(3, (2, 3), use_bias=False), FRAMES),
    Case(
        "ConvLSTM2D backwards states",
        lambda L: L.ConvLSTM2D(3, 2, go_backwards=True, return_sequences=True, return_state=True, padding="same"),
        FRAMES,
    ),
    Case("ConvLSTM2D first", lambda L: L.ConvLSTM2D(3, 3, data_format="channels_first"), Input((2, 3, 2, 6, 6))),
    Case(
        "ConvLSTM2D dropout",
        lambda L: L.ConvLSTM2D(3, 2, dropout=0.3, recurrent_dropout=0.2, seed=4),
        FRAMES,
        training=True,
        random=True,
    ),
    Case("ConvLSTM3D", lambda L: L.ConvLSTM3D(2, 2, unit_forget_bias=False), Input((2, 2, 3, 4, 3, 2))),
    Case("SpectralNormalization", lambda L: L.SpectralNormalization(L.Dense(3)), Input((4, 5)), training=True),
    Case(
        "SpectralNormalization conv",
        lambda L: L.SpectralNormalization(L.Conv2D(3, 2), power_iterations=2),
        Input((2, 4, 4, 2)),
        training=True,
    ),
    Case("GroupQueryAttention", lambda L: L.GroupQueryAttention(3, 4, 2), PAIR, call=VALUE),
    Case(
        "GroupQueryAttention gated",
        lambda L: L.GroupQueryAttention(3, 4, 1, use_gate=True, use_bias=False),
        PAIR,
        call=VALUE,
    ),
    Case(
        "GroupQueryAttention masked scores",
        lambda L: L.GroupQueryAttention(4, 2, 2),
        PAIR,
        call={**VALUE, "value_mask": Input((2, 6), "bool"), "use_causal_mask": True, "return_attention_scores": True},
    ),
    Case("GroupQueryAttention window", lambda L: L.GroupQueryAttention(4, 2, 1, sliding_window=3), PAIR, call=VALUE),
    Case(
        "GroupQueryAttention dropout",
        lambda L: L.GroupQueryAttention(4, 2, 2, dropout=0.4, seed=3),
        PAIR,
        call=VALUE,
        training=True,
        random=True,
    ),
    Case("ReversibleEmbedding", lambda L: L.ReversibleEmbedding(10, 4), TOKENS, differentiable=False),
    Case(
        "ReversibleEmbedding back",
        lambda L: L.ReversibleEmbedding(7, 5, logit_soft_cap=2.0),
        PAIR,
        call={"reverse": True},
    ),
    Case(
        "ReversibleEmbedding back untied",
        lambda L: L.ReversibleEmbedding(7, 5, tie_weights=False, reverse_dtype="float32"),
        PAIR,
        call={"reverse": True},
    ),
]
