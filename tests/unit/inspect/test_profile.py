"""The time of each layer: every call has a row, whatever the inputs are."""

import numpy as np
import pytest

import plait
from plait.utils import profile


def test_rows_follow_the_graph(capsys):
    words, numbers = plait.Input((6,), dtype="int32", name="words"), plait.Input((3,), name="numbers")
    h = plait.layers.Embedding(20, 4, mask_zero=True)(words)
    h = plait.layers.Concatenate()([plait.layers.LSTM(5)(h), plait.layers.Dense(5, name="own")(numbers)])
    model = plait.Model({"words": words, "numbers": numbers}, plait.layers.Dropout(0.5)(h))
    found = profile(model, {"numbers": np.ones((8, 3)), "words": np.ones((8, 6), "int32")}, rounds=2)
    kinds = [row.kind for row in found.rows]
    assert {"Embedding", "LSTM", "Dense", "Concatenate", "Dropout"} <= set(kinds)
    own = next(row for row in found.rows if row.name == "own")
    assert own.operations >= 2 * 8 * 3 * 5 and own.forward > 0 and own.backward >= 0 and 0 < own.share < 1
    assert found.limit > 1e8 and found.whole > 0
    assert "own" in capsys.readouterr().out and "Dense" in str(found)


def test_a_shared_layer_has_a_row_for_each_call():
    x = plait.Input((4,))
    dense = plait.layers.Dense(4)
    model = plait.Model(x, dense(dense(x)))
    texts = []
    assert len(profile(model, np.ones((2, 4), "float32"), rounds=1, print_fn=texts.append).rows) == 2
    assert texts[0].count("Dense") == 2


def test_a_model_of_python_says_what_to_do():
    class Own(plait.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="functional"):
        profile(Own(), np.ones((2, 4)))
