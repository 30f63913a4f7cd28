"""What layers give, what comes back to them, and where in the input a network looks."""

import jax
import numpy as np
import pytest

import plait
from plait import layers
from plait.inspect import activations, dead_units, grad_cam, gradients, overlay, saliency, tiles
from unit.inspect.example_models import siamese, tickets

rng = np.random.default_rng(0)


def nested():
    """A network of images inside another."""
    trunk = plait.Sequential(
        [
            plait.Input((8, 8, 1), name="pixels"),
            layers.Conv2D(3, 3, activation="relu", name="maps"),
            layers.GlobalAveragePooling2D(name="mean"),
        ],
        name="trunk",
    )
    image = plait.Input((8, 8, 1), name="image")
    return plait.Model(image, layers.Dense(2, name="score")(trunk(image)), name="outer")


def test_activations_are_what_the_layers_give_one_by_one():
    model, x = nested(), rng.normal(size=(4, 8, 8, 1)).astype("float32")
    found = activations(model, x)
    assert list(found) == ["maps", "mean", "score"]
    maps = model.get_layer("trunk").get_layer("maps")(x)
    np.testing.assert_allclose(found["maps"], maps, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["mean"], np.mean(maps, (1, 2)), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["score"], model.predict(x, verbose=0), rtol=1e-5, atol=1e-6)
    assert list(activations(model, x, "mean")) == ["mean"]


def test_each_call_of_a_shared_layer_has_its_own():
    model = siamese()
    found = activations(model, [np.ones((2, 32)), np.zeros((2, 32))])
    assert found["code"].shape == found["code:1"].shape == (2, 8)
    assert not np.allclose(found["code"], found["code:1"])


def test_gradients_are_those_of_the_rest_of_the_model():
    model, x = nested(), rng.normal(size=(4, 8, 8, 1)).astype("float32")
    found = gradients(model, x, lambda outputs: (outputs**2).mean())
    score = model.get_layer("score")
    expected = jax.grad(lambda mean: (score(mean) ** 2).mean())(activations(model, x)["mean"])
    np.testing.assert_allclose(found["mean"], expected, rtol=1e-5, atol=1e-6)
    assert {name: array.shape for name, array in found.items()} == {
        name: array.shape for name, array in activations(model, x).items()
    }


def test_gradients_through_masks_and_several_outputs():
    model = tickets()
    model_inputs = {"title": np.array([[1, 2, 0]]), "body": np.array([[3, 4, 5]]), "tags": np.ones((1, 12))}
    found = gradients(model, model_inputs, lambda outputs: outputs["priority"].sum())
    assert np.abs(found["all"]).sum() > 0
    assert not found["department"].any()


def test_dead_units_are_found_among_living_ones():
    model = nested()
    kernel, _ = model.get_layer("trunk").get_layer("maps").get_weights()
    model.get_layer("trunk").get_layer("maps").set_weights([kernel, np.array([1.0, -1e3, 1.0])])
    found = dead_units(model, rng.normal(size=(8, 8, 8, 1)))
    assert {name: units.tolist() for name, units in found.items()} == {"maps": [1], "mean": [1]}
    assert dead_units(model, rng.normal(size=(8, 8, 8, 1)), "score")["score"].tolist() == []


def bright_corner():
    """A network that looks at one corner only: class 1 is said by brightness there."""
    image = plait.Input((6, 6, 1), name="image")
    maps = layers.Conv2D(2, 1, name="maps", activation="relu")(image)
    corner = np.zeros((72, 2), "float32")
    corner.reshape(6, 6, 2, 2)[:2, :2, 1, 1] = 1.0
    head = layers.Dense(2, use_bias=False, name="score")
    model = plait.Model(image, head(layers.Flatten()(maps)))
    model.get_layer("maps").set_weights([np.ones((1, 1, 1, 2), "float32"), np.zeros(2, "float32")])
    head.set_weights([corner])
    return model


def test_saliency_is_the_gradient_of_the_score():
    found = saliency(bright_corner(), np.ones((2, 6, 6, 1), "float32"), target=1)
    assert found.shape == (2, 6, 6, 1)
    assert (found[:, :2, :2] == 1).all()
    assert found.sum() == 8


def test_grad_cam_is_bright_where_the_image_speaks_for_the_class():
    image = np.zeros((1, 6, 6, 1), "float32")
    image[0, :3, :3] = 1.0
    heat = grad_cam(bright_corner(), image, target=1)
    assert heat.shape == (1, 6, 6)
    assert (heat[0, :3, :3] == 1).all()
    assert heat.sum() == 9
    assert not grad_cam(bright_corner(), image, target=0).any()
    assert grad_cam(nested(), np.ones((2, 8, 8, 1), "float32"), layer="maps").shape == (2, 6, 6)


def test_nothing_of_the_model_changes():
    model, x = nested(), rng.normal(size=(2, 8, 8, 1)).astype("float32")
    before = [np.array(weight) for weight in model.get_weights()]
    grad_cam(model, x)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_what_is_wrong_is_told():
    with pytest.raises(ValueError, match="activations: there is no layer 'map' to ask"):
        activations(nested(), np.ones((1, 8, 8, 1)), "map")
    with pytest.raises(ValueError, match="floating point"):
        saliency(tickets(), {"title": np.ones((1, 2)), "body": np.ones((1, 2)), "tags": np.ones((1, 12))})
    with pytest.raises(ValueError, match="no layer of 'siamese' gives maps"):
        grad_cam(siamese(), [np.ones((2, 32))] * 2)
    with pytest.raises(ValueError, match="functional or a Sequential"):
        activations(plait.Sequential([layers.Dense(1)]), np.ones((1, 2)))
    with pytest.raises(ValueError, match="Give one image's"):
        tiles(np.ones((1, 2, 3, 4)))


def test_pictures():
    sheet = tiles(np.stack([np.eye(3), 1 - np.eye(3)], axis=-1), columns=2)
    assert sheet.shape == (3, 7)
    assert (sheet[:, 3] == 255).all()
    assert sheet[0, 0] == sheet[0, 5] == 255
    mixed = overlay(np.zeros((4, 4, 3)), np.array([[0.0, 1.0]] * 2), strength=1.0)
    assert mixed[0, 0].tolist() == [0, 0, 255]
    assert mixed[0, 3].tolist() == [255, 0, 0]


def test_labels_in_place_of_a_loss_are_refused():
    with pytest.raises(plait.errors.ArgumentError, match="must be a function of the model's outputs"):
        gradients(siamese(), np.ones((2, 32)), np.ones((2, 1)))
