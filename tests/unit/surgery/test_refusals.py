"""What surgery refuses: the edge that no longer fits, with both specs; names that aren't there."""

import numpy as np
import pytest

import plait
from plait import layers, surgery


def model():
    x = plait.Input((6,), name="x")
    h = layers.Dense(5, name="first")(x)
    h = layers.Dense(4, name="second")(h)
    return plait.Model(x, layers.Dense(2, name="last")(h), name="net")


def said(call, *args, **kwargs) -> str:
    with pytest.raises(ValueError) as caught:
        call(*args, **kwargs)
    return str(caught.value)


def test_an_edge_that_no_longer_fits():
    message = said(surgery.remove, model(), "second")
    assert (
        "remove: the graph no longer fits at 'second' -> 'last': was float32[None, 4], would be float32[None, 5]"
        in message
    )
    message = said(surgery.replace, model(), "first", lambda old: layers.Dense(3, name="narrow"))
    assert "'first' -> 'second': was float32[None, 5], would be float32[None, 3]" in message
    assert "insert: the graph no longer fits" in said(surgery.insert, model(), "first", layers.Dense(9))


def test_a_head_that_does_not_fit():
    message = said(surgery.graft, model(), layers.Conv2D(3, 3, name="conv"), at="first")
    assert "graft on 'net': 'conv' doesn't fit behind float32[None, 5]" in message


def test_unknown_names():
    assert "no layer fits 'frist'. Did you mean 'first'?" in said(surgery.cut, model(), "frist")
    assert "remove: no layer of 'net' fits 'thrid'" in said(surgery.remove, model(), "thrid")
    assert "there is no layer 'fist'. Did you mean 'first'?" in said(surgery.rename, model(), {"fist": "a"})
    assert "3 layers fit '*st'" not in said(model().tensor, "*s*t")
    assert "Say which one" in said(model().tensor, "*st")


def test_calls_that_were_not_made():
    assert "is called 1 times, so there is no call 1" in said(model().tensor, "first:1")


def test_stages_that_need_more():
    x = plait.Input((6,), name="x")
    h = layers.Dense(6, name="first")(x)
    skip = plait.Model(x, layers.Add()([h, x]), name="skip")
    assert "split: stage 2 of 'skip' needs ['x'] besides what stage 1 gives" in said(surgery.split, skip, ["first"])


def test_merging_what_takes_other_inputs():
    other = plait.Sequential([plait.Input((7,)), layers.Dense(1)], name="other")
    assert "'other' cannot be fed from the inputs of 'net'" in said(surgery.merge, [model(), other], inputs="same")


def test_models_without_a_graph():
    class Own(plait.Model):
        def call(self, x):
            return x

    with pytest.raises(RuntimeError, match="it isn't made from symbolic tensors"):
        surgery.cut(Own(name="own"), "first")


def test_behead():
    short = surgery.behead(model(), 2)
    assert short.output_shape == (None, 5)
    assert "Take off fewer" in said(surgery.behead, model(), 4)
    np.testing.assert_array_equal(short.weights[0].shape, (6, 5))


def test_one_layer_cannot_replace_several():
    with pytest.raises(ValueError, match="fits 3 layers, 'input_layer', 'a', 'b'; give a function"):
        surgery.replace(
            plait.Sequential([plait.Input((4,)), plait.layers.ReLU(name="a"), plait.layers.ReLU(name="b")]),
            "*",
            plait.layers.ELU(),
        )
