"""The plan of `compile` as people see it."""

import numpy as np
import pytest

import plait
from plait import layers


def text_of(model) -> str:
    texts = []
    model.compile_report(print_fn=texts.append)
    (text,) = texts
    return text


def test_each_output_has_its_row():
    x = plait.Input((4,))
    model = plait.Model(
        x,
        {
            "price": layers.Dense(1)(x),
            "kind": layers.Dense(3, activation="softmax")(x),
            "map": layers.Dense(2)(x),
        },
        name="trio",
    )
    model.compile(
        "adam",
        {"price": "huber", "kind": "sparse_categorical_crossentropy"},
        loss_weights={"kind": 0.5},
        metrics={"kind": ["accuracy"]},
        weighted_metrics={"price": ["mae"]},
    )
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text_of(model).splitlines() if "│" in line]
    assert lines == [
        ["kind", "(None, 3)", "sparse_categorical_crossentropy", "0.5", "accuracy", "class numbers (None,)"],
        ["map", "(None, 2)", "-", "-", "-", "none asked for"],
        ["price", "(None, 1)", "huber", "1", "mae (weighted)", "numbers (None, 1)"],
    ]
    assert "Optimizer: Adam, learning rate 0.001" in text_of(model)
    assert 'Plan of "trio"' in text_of(model)


def test_what_a_first_batch_decides():
    model = plait.Sequential([layers.Dense(3, activation="softmax")], name="late")
    model.compile("sgd", "crossentropy", metrics=["acc"])
    assert "known at the first batch" in text_of(model)
    model.fit(np.zeros((4, 2)), np.zeros(4, int), verbose=0)
    assert "sparse_categorical_crossentropy" in text_of(model)
    assert "class numbers" in text_of(model)


def test_before_compile():
    model = plait.Sequential([plait.Input((2,)), layers.Dense(1)], name="new")
    with pytest.raises(RuntimeError, match=r"Model 'new': there is no plan to show before `compile\(\)`"):
        model.compile_report()
