"""Losses in structures of their own: several for one output, losses of groups of outputs."""

import numpy as np
import pytest

import plait
from plait import ops


def together(y_true, y_pred):
    """A loss of two outputs at once."""
    assert len(y_true) == len(y_pred) == 2
    first, second = y_pred.values() if isinstance(y_pred, dict) else y_pred
    return ops.mean(ops.abs(first + second), axis=-1)


def branches(structure):
    x = plait.Input((3,))
    y1, y2 = (plait.layers.Dense(1, name=name, kernel_initializer="ones")(x) for name in ("y1", "y2"))
    return plait.Model(x, structure(y1, y2))


X, LABEL = np.ones((4, 3), "float32"), np.zeros((4, 1), "float32")


@pytest.mark.parametrize(
    "structure, losses, names",
    [
        (lambda a, b: (a, b), [together, ("mae", "mse")], {"y1_y2_loss": 6, "y1_loss": 3, "y2_loss": 9}),
        (lambda a, b: [a, b], (together, ["mae", None]), {"y1_y2_loss": 6, "y1_loss": 3}),
        (lambda a, b: {"a": a, "b": b}, [together, {"b": "mse"}], {"a_b_loss": 6, "b_loss": 9}),
        (
            lambda a, b: {"pair": (a, b), "one": a},
            {"pair": [together, (None, "mse")], "one": "mae"},
            {"pair_loss": 6, "pair/y2_loss": 9, "one_loss": 3},
        ),
    ],
)
def test_a_loss_of_several_outputs_stands_beside_those_of_each(structure, losses, names):
    model = branches(structure)
    model.compile("sgd", losses)
    labels = structure(LABEL, LABEL)
    logs = model.evaluate(X, labels, verbose=0, return_dict=True)
    assert logs == pytest.approx({"loss": sum(names.values()), **names})
    assert set(model.fit(X, labels, verbose=0).history) == {"loss", *names}


def test_weights_have_the_structure_of_the_losses():
    model = branches(lambda a, b: (a, b))
    model.compile("sgd", [together, ("mae", "mse")], loss_weights=[0.5, (10.0, 100.0)])
    assert model.evaluate(X, (LABEL, LABEL), verbose=0)[0] == pytest.approx(0.5 * 6 + 10 * 3 + 100 * 9)


def test_two_losses_of_one_output_are_added():
    model = branches(lambda a, b: [a, b])
    model.compile("sgd", ["mae", ["mae", "mse"]])
    logs = model.evaluate(X, [LABEL, LABEL], verbose=0, return_dict=True)
    assert logs == pytest.approx({"loss": 15, "y1_loss": 3, "y2_loss": 12})


def test_a_key_that_is_no_output_is_told():
    model = branches(lambda a, b: {"a": a, "b": b})
    with pytest.raises(ValueError, match="'c', which can't be found in the model's output dict of 'a', 'b'"):
        model.compile("sgd", {"a": ["mae", "mse"], "c": "mse"})


def test_weights_that_do_not_fit_are_told():
    model = branches(lambda a, b: {"a": a, "b": b})
    with pytest.raises(ValueError, match="there are 3 losses and 1 weights"):
        model.compile("sgd", {"a": ["mae", "mse"], "b": "mse"}, loss_weights=[1.0])


def test_what_compute_loss_makes_of_the_outputs_is_matched_when_it_is_known():
    class Twice(plait.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, **kwargs):
            return super().compute_loss(x=x, y=y, y_pred=[y_pred, y_pred], **kwargs)

    x = plait.Input((3,))
    model = Twice(x, plait.layers.Dense(1, kernel_initializer="ones")(x))
    model.compile("sgd", ["mse", "mae"])
    assert model.fit(X, (LABEL, LABEL), verbose=0).history["loss"] == [12.0]
