"""Several changes of images in a row, picked at random or given; and a fixed number of bounding boxes."""

from collections.abc import Callable
from typing import Any, Unpack

import jax
import jax.numpy as jnp

from plait import random
from plait.common.messages import describe
from plait.common.registry import builtin
from plait.common.serialization import deserialize, serialize
from plait.common.traits import of_plait
from plait.common.tree import flatten, map_structure_in_order
from plait.core.mask import get_mask
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError
from plait.layers.argument_types import LayerOptions
from plait.layers.base import Layer
from plait.layers.preprocessing.image_color import RandomBrightness, RandomColorDegeneration, RandomContrast
from plait.layers.preprocessing.image_geometry import RandomRotation, RandomShear, RandomTranslation
from plait.layers.preprocessing.image_histogram import Equalization
from plait.layers.preprocessing.image_layer import ImageLayer, factor_range
from plait.layers.preprocessing.image_tone import AutoContrast, RandomPosterization, RandomSharpness, Solarization

_STEPS = (
    "random_shear",
    "random_translation",
    "random_rotation",
    "random_brightness",
    "random_color_degeneration",
    "random_contrast",
    "random_sharpness",
    "random_posterization",
    "solarization",
    "auto_contrast",
    "equalization",
)


@of_plait
class _Policy(ImageLayer):
    """A layer that picks other layers at random. All draw; a switch applies the one that was picked."""

    factor: tuple
    interpolation: str
    value_range: Any

    def _warps(self) -> dict[str, Callable]:
        """How to make the layers that move pixels."""
        shared = {"interpolation": self.interpolation, "seed": self.seed, "data_format": self.data_format}
        return {
            "random_shear": lambda: RandomShear(self.factor, self.factor, **shared),
            "random_translation": lambda: RandomTranslation(self.factor, self.factor, **shared),
            "random_rotation": lambda: RandomRotation(self.factor, **shared),
        }

    def _colours(self) -> dict[str, Callable]:
        """How to make the layers that change colours."""
        shared = {"value_range": self.value_range, "seed": self.seed, "data_format": self.data_format}
        return {
            "random_brightness": lambda: RandomBrightness(self.factor, **shared),
            "random_color_degeneration": lambda: RandomColorDegeneration(self.factor, **shared),
            "random_contrast": lambda: RandomContrast(self.factor, **shared),
            "random_sharpness": lambda: RandomSharpness(self.factor, **shared),
        }

    def _tones(self) -> dict[str, Callable]:
        """How to make the layers that change tones."""
        fixed = {"value_range": self.value_range, "data_format": self.data_format}
        bits = max(int(8 * self.factor[1]), 1)
        return {
            "solarization": lambda: Solarization(self.factor, self.factor, seed=self.seed, **fixed),
            "random_posterization": lambda: RandomPosterization(bits, seed=self.seed, **fixed),
            "auto_contrast": lambda: AutoContrast(**fixed),
            "equalization": lambda: Equalization(**fixed),
        }

    def _make(self, makers: dict[str, Callable]) -> None:
        for name, make in makers.items():
            setattr(self, name, make())

    def _steps(self) -> dict[str, ImageLayer]:
        return {name: getattr(self, name) for name in _STEPS if hasattr(self, name)}

    def _draw_all(self, data: Any, seed: Any) -> dict:
        return {name: layer.get_random_transformation(data, True, seed) for name, layer in self._steps().items()}

    def _apply(self, images: jax.Array, index: Any, transformations: dict) -> jax.Array:
        """Images changed by the layer that was picked."""
        branches = [
            lambda batch, layer=layer, drawn=transformations[name]: layer.change(batch, drawn, None).astype(batch.dtype)
            for name, layer in self._steps().items()
        ]
        return jax.lax.switch(index, branches, images)


@builtin("layers")
class RandAugment(_Policy):
    """While training, changes images by some layers picked at random, the same ones for the batch.

    The layers are shear, translation, rotation, brightness, colour degeneration, contrast, sharpness, posterisation,
    solarisation, auto-contrast and equalisation.

    Args:
        value_range: the lowest and the highest value of images.
        num_ops: how many are applied, one after another; one may come twice.
        factor: how strongly: two numbers from 0 to 1 to draw between, or one for up to it.
        interpolation: "bilinear" or "nearest".
        seed: for the draws.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Raises:
        ArgumentError: a factor beyond 0 and 1.

    Source: Cubuk et al., "RandAugment: Practical Automated Data Augmentation with a Reduced Search Space", 2019.

    >>> import numpy as np
    >>> RandAugment(seed=0)(np.ones((2, 4, 4, 3)), training=True).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_ops: int = 2,
        factor: Any = 0.5,
        interpolation: str = "bilinear",
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.value_range, self.num_ops = value_range, num_ops
        self.factor = factor_range(self, factor, bounds=(0, 1), start=0)
        self.interpolation = interpolation
        self._make(self._warps() | self._colours() | self._tones())

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Which layers are picked, and what each would do."""
        if not training:
            return None
        seed = self.generator if seed is None else seed
        picked = random.randint((self.num_ops,), 0, len(_STEPS), seed=seed)
        return {"transforms": self._draw_all(data, seed), "layer_idxes": picked}

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The masks, moved as the images are."""
        return self._through_layers(
            "transform_segmentation_masks", convert_to_tensor(segmentation_masks), transformation, training
        )

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        """The boxes, moved as the images are."""
        boxes = {key: convert_to_tensor(value) for key, value in bounding_boxes.items()}
        return self._through_layers("transform_bounding_boxes", boxes, transformation, training)

    def _through_layers(self, method: str, values: Any, transformation: Any, training: bool) -> Any:
        """What each of the picked layers, one after another, makes of masks or boxes."""
        if not training:
            return values
        kinds = jax.tree.map(lambda leaf: leaf.dtype, values)

        def branch(name: str, layer: ImageLayer) -> Callable:
            layer.bounding_box_format = self.bounding_box_format
            apply, drawn = getattr(layer, method), transformation["transforms"][name]
            return lambda values: jax.tree.map(lambda leaf, kind: leaf.astype(kind), apply(values, drawn), kinds)

        branches = [branch(name, layer) for name, layer in self._steps().items()]
        picked = convert_to_tensor(transformation["layer_idxes"])
        for index in range(self.num_ops):
            values = jax.lax.switch(picked[index], branches, values)
        return values

    def change(self, images: jax.Array, transformation: Any, interpolation: str | None) -> jax.Array:
        picked = convert_to_tensor(transformation["layer_idxes"])
        for index in range(self.num_ops):
            images = self._apply(images, picked[index], transformation["transforms"])
        return images


@builtin("layers")
class AugMix(_Policy):
    """While training, mixes images with what several chains of changes make of them.

    Args:
        value_range: the lowest and the highest value of images.
        num_chains: how many chains there are.
        chain_depth: how many changes a chain has; if not above 0, each chain has one to three, drawn when it is traced.
        factor: how strong changes are: two numbers from 0 to 1 to draw between, or one for up to it.
        alpha: the parameter of the distributions that the weights come from; the larger, the more even the mixture.
        all_ops: whether brightness, colour degeneration, contrast and sharpness are among the changes.
        interpolation: "bilinear" or "nearest".
        seed: for the draws.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Raises:
        ArgumentError: a factor beyond 0 and 1.

    Source: Hendrycks et al., "AugMix: A Simple Data Processing Method to Improve Robustness and Uncertainty", 2019.

    Differs: which changes a chain has is drawn from the layer's seeds, so new for every batch in a compiled program too;
    Keras draws it from Python's `random`, once a trace.

    >>> import numpy as np
    >>> AugMix(num_chains=2, chain_depth=1, seed=0)(np.ones((2, 4, 4, 3)), training=True).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Any = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.value_range, self.num_chains, self.chain_depth = value_range, num_chains, chain_depth
        self.factor = factor_range(self, factor, bounds=(0, 1), start=0)
        self.alpha, self.all_ops, self.interpolation = alpha, all_ops, interpolation
        self._make(self._warps() | self._tones() | (self._colours() if all_ops else {}))

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """The chains' weights and changes, and the weight of the images themselves."""
        if not training:
            return None
        seed = self.generator if seed is None else seed
        gammas = random.gamma((self.num_chains,), self.alpha, seed=seed)
        own = random.beta((), self.alpha, self.alpha, seed=seed)
        links = max(self.chain_depth, 1)
        names = list(self._steps())
        chains = [
            [
                {
                    "layer_index": random.randint((), 0, len(names), seed=seed),
                    "transformation": self._draw_all(data, seed),
                }
                for _ in range(links)
            ]
            for _ in range(self.num_chains)
        ]
        return {
            "chain_mixing_weights": gammas / jnp.sum(gammas),
            "weight_sample": own,
            "chain_transforms": chains,
        }

    def change(self, images: jax.Array, transformation: Any, interpolation: str | None) -> jax.Array:
        mixed = jnp.zeros_like(images)
        weights = convert_to_tensor(transformation["chain_mixing_weights"]).astype(images.dtype)
        for weight, chain in zip(weights, transformation["chain_transforms"], strict=True):
            changed = images
            for link in chain:
                changed = self._apply_link(changed, link)
            mixed = mixed + weight * changed
        own = convert_to_tensor(transformation["weight_sample"]).astype(images.dtype)
        return own * images + (1 - own) * mixed

    def _apply_link(self, images: jax.Array, link: dict) -> jax.Array:
        """A change: picked by number among all that were drawn, or named."""
        if "layer_name" in link:
            return getattr(self, link["layer_name"]).change(images, link["transformation"], None)
        return self._apply(images, link["layer_index"], link["transformation"])


@builtin("layers")
class Pipeline(Layer):
    """Layers one after another, applied to an input.

    Args:
        layers: the layers.
        name: its name; None makes one.

    >>> import numpy as np
    >>> from plait.layers.preprocessing.numeric import Rescaling
    >>> Pipeline([Rescaling(2.0), Rescaling(1.0, offset=1.0)])(np.array([3.0])).tolist()
    [7.0]
    """

    _family = "preprocessing"

    def __init__(self, layers: Any, name: str | None = None):
        super().__init__(name=name)
        self._pipeline_layers = list(layers)

    @property
    def layers(self) -> list:
        """The layers."""
        return list(self._pipeline_layers)

    def call(self, inputs: Any, training: bool = True, mask: Any = None) -> Any:
        for layer in self._pipeline_layers:
            accepts = type(layer).call.__code__.co_varnames
            options = {"training": training, "mask": mask}
            given = {name: value for name, value in options.items() if name in accepts and value is not None}
            inputs = layer(inputs, **given)
            mask = map_structure_in_order(get_mask, inputs)
            mask = mask if any(leaf is not None for leaf in flatten(mask)) else None
        return inputs

    def get_config(self) -> dict:
        """The layers and the name."""
        return {"layers": [serialize(layer) for layer in self._pipeline_layers], "name": self.name}

    @classmethod
    def from_config(cls, config: dict) -> "Pipeline":
        """A pipeline from its config.

        Raises:
            ArgumentError: it has no list of layers.
        """
        if not isinstance(config.get("layers"), (list, tuple)):
            raise ArgumentError(f"Pipeline: the config must have a list under 'layers', but it is {describe(config)}.")
        layers = [
            deserialize(layer, None, "layers") if isinstance(layer, dict) else layer for layer in config["layers"]
        ]
        return cls(layers, name=config.get("name"))


@builtin("layers")
class MaxNumBoundingBoxes(ImageLayer):
    """The first bounding boxes of each image, always the same number: what is missing is filled up.

    Args:
        max_number: how many.
        fill_value: what boxes and labels that are filled up hold.

    Raises:
        ArgumentError: a number that isn't above 0.

    >>> import numpy as np
    >>> boxes = {"boxes": np.ones((1, 1, 4)), "labels": np.ones((1, 1))}
    >>> layer = MaxNumBoundingBoxes(3, bounding_box_format="xyxy")
    >>> layer({"images": np.ones((1, 2, 2, 3)), "bounding_boxes": boxes})["bounding_boxes"]["labels"].tolist()
    [[1.0, -1.0, -1.0]]
    """

    draws = False

    def __init__(self, max_number: int, fill_value: Any = -1, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        if not isinstance(max_number, int) or max_number < 1:
            raise ArgumentError(f"MaxNumBoundingBoxes: `max_number` must be an integer above 0, but is {max_number!r}.")
        self.max_number, self.fill_value = max_number, fill_value

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """The images, as they are."""
        return convert_to_tensor(images)

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        """As many boxes and labels as there are to be."""
        filled = {key: self._filled(convert_to_tensor(bounding_boxes[key])) for key in ("boxes", "labels")}
        return {**bounding_boxes, **filled}

    def _filled(self, values: jax.Array) -> jax.Array:
        kept = values[:, : self.max_number]
        missing = self.max_number - kept.shape[1]
        border = [(0, 0), (0, missing)] + [(0, 0)] * (values.ndim - 2)
        return jnp.pad(kept, border, constant_values=jnp.asarray(self.fill_value, values.dtype))
