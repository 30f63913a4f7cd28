"""LoRA inside layers: a frozen kernel, and a low-rank product that is added to it and trains.

A layer computes with what its attribute `kernel` reads as. Without adapters that is a Variable; with them it is an
`Adapted` view, whose value is `kernel + alpha / rank * a @ b`. So the layers' pages know nothing of adapters, and a layer
without them pays nothing.

Files hold the kernel that the layer computes with, under the kernel's own name: they open without adapters too, and in
Keras. Reading one makes its kernel the layer's, and empties the adapters.

Verbs: `Adaptable.enable_lora` makes the adapters; `adapted` is the arithmetic, for `plait.surgery.lora` too.

What it is not: a rewrite of a model. `plait.surgery.lora` adapts many layers of a model at once, of any kind, and folds
the adapters back.

Source: Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, 2021.

Differs from Keras: what `lora_alpha` the constructor gets counts in every layer; the frozen kernel stays frozen when
`trainable` goes off and on; after reading a file only b is zeros, so that the adapters can learn again.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from plait.common.scope import scope
from plait.common.traits import of_plait
from plait.core.variable import Variable, install_operators, zeros_like
from plait.errors import ArgumentError, StateError
from plait.layers.base import Layer
from plait.layers.ownership import Owner


def adapted(kernel: Any, a: Any, b: Any, scale: float) -> Any:
    """`kernel + scale * a @ b`, in the kernel's shape and dtype.

    >>> import jax.numpy as jnp
    >>> adapted(jnp.zeros((2, 3)), jnp.ones((2, 1)), jnp.ones((1, 3)), 0.5).tolist()
    [[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]]
    """
    change = scale * (a @ b)
    exact = jnp.promote_types(kernel.dtype, change.dtype)
    return (kernel.astype(exact) + change.astype(exact).reshape(kernel.shape)).astype(kernel.dtype)


class View:
    """A weight that is computed from variables: reads like a Variable, and may be assigned like one.

    Args:
        base: the variable, or view, behind it, whose name it bears.
        shape: its own shape; the variable's where it isn't given.
    """

    trainable = False
    filled = True

    base: Any

    def __init__(self, base: Any, shape: tuple | None = None):
        self.base, self.name, self.path, self.dtype = base, base.name, base.path, base.dtype
        self.shape = base.shape if shape is None else tuple(shape)
        self.ndim, self.size = len(self.shape), int(np.prod(self.shape, dtype=np.int64))

    @property
    def value(self) -> Any:
        """The array."""
        return self.base.value

    def assign(self, value: Any) -> Any:
        """Makes it that value."""
        return self.base.assign(value)

    def numpy(self) -> np.ndarray:
        """The value as a NumPy array of its own."""
        return np.array(self.value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.value, dtype=dtype)

    def __jax_array__(self) -> Any:
        return self.value

    def __getitem__(self, key: Any) -> Any:
        return self.value[key]

    def __len__(self) -> int:
        return len(self.value)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} path={self.path}, shape={self.shape}, dtype={self.dtype}>"

    __hash__ = object.__hash__


install_operators(View)


class Adapted(View):
    """A kernel with what its adapters add. Assigning makes it the kernel, and empties the adapters."""

    def __init__(self, base: Any, a: Variable, b: Variable, scale: float):
        super().__init__(base)
        self.a, self.b, self.scale = a, b, scale

    @property
    def value(self) -> Any:
        """The sum."""
        return adapted(self.base.value, self.a.value, self.b.value, self.scale)

    def assign(self, value: Any) -> Any:
        """Makes it that value, without adapters: b becomes zeros, and a stays, so that both can learn."""
        self.b.assign(zeros_like(self.b.value))
        return self.base.assign(value)


@of_plait
class Adaptable(Layer):
    """A layer with one kernel that low-rank adapters can be added to.

    Attributes:
        lora_rank: the inner size of the adapters, or None.
        lora_alpha: they are scaled by lora_alpha / lora_rank.
        lora_enabled: whether there are any.
    """

    _kernel_name = "kernel"
    lora_rank: int | None = None
    lora_alpha: float | None = None
    lora_enabled = False

    def _take_lora(self, rank: int | None, alpha: float | None) -> None:
        """Keeps the constructor's arguments, where there are any."""
        if rank is not None:
            self.lora_rank, self.lora_alpha = rank, rank if alpha is None else alpha

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
    ) -> None:
        """Freezes the kernel, and adds two small matrices to it that train: `kernel + lora_alpha / rank * a @ b`.

        Args:
            rank: their inner size.
            lora_alpha: how much they count; None is `rank`.
            a_initializer: for a, (..., rank).
            b_initializer: for b, (rank, last size of the kernel); zeros change nothing at first.

        Raises:
            StateError: the layer isn't built, or has adapters.
            ArgumentError: a kernel with a constraint, which the sum would not meet; a rank below 1; several kernels.

        >>> import plait
        >>> layer = plait.layers.Dense(64)
        >>> layer.build((None, 32))
        >>> layer.enable_lora(rank=2)
        >>> [v.name for v in layer.trainable_weights], [v.name for v in layer.non_trainable_weights]
        (['bias', 'lora_kernel_a', 'lora_kernel_b'], ['kernel'])
        """
        self._check_lora(rank)
        name = self._kernel_name
        kernel = getattr(self, name)
        shape = kernel.shape
        options = {"dtype": "float32", "regularizer": getattr(self, f"{name}_regularizer")}
        with self._as_when_built():
            a = self.add_weight((*shape[:-1], rank), a_initializer, name=f"lora_{name}_a", **options)
            b = self.add_weight((rank, shape[-1]), b_initializer, name=f"lora_{name}_b", **options)
        setattr(self, f"lora_{name}_a", a)
        setattr(self, f"lora_{name}_b", b)
        self._kernel.trainable = False
        self.lora_enabled, self.lora_rank = True, rank
        self.lora_alpha = rank if lora_alpha is None else lora_alpha
        self._put_kernel(self._with_adapters(kernel))

    @contextlib.contextmanager
    def _as_when_built(self) -> Iterator[None]:
        """Weights that are made in this block are made as those that `build` makes: outside of any trace, under its path."""
        if self._building:
            yield
            return
        path = tuple(self.path.split("/"))
        self._building = True
        try:
            with jax.ensure_compile_time_eval(), scope(bindings=None, compute_dtype=None, path=path):
                yield
        finally:
            self._building = False

    def _check_lora(self, rank: Any) -> None:
        who = f"{type(self).__name__} {self.name!r}"
        if getattr(self, f"{self._kernel_name}_constraint") is not None:
            raise ArgumentError(
                f"{who}: LoRA is incompatible with {self._kernel_name.removesuffix('s')} constraints. Make the layer "
                f"without `{self._kernel_name}_constraint`."
            )
        if not (self.built or self._building):
            raise StateError(
                f"{who}: Cannot enable lora on a layer that isn't yet built. Call `build`, or call it on data, first."
            )
        if self.lora_enabled:
            raise StateError(f"{who}: lora is already enabled. This can only be done once per layer.")
        if not isinstance(rank, (int, np.integer)) or rank < 1:
            raise ArgumentError(f"{who}: `rank` must be a whole number from 1 up, but got {rank!r}.")
        self._check_one_kernel("LoRA")

    def _check_one_kernel(self, wanted: str) -> None:
        """Refuses what needs the kernel, where there are several."""
        count = len(getattr(self, "kernels", ()))
        if count > 1:
            raise ArgumentError(
                f"{type(self).__name__} {self.name!r}: {wanted} is for layers with one kernel, but this one has {count}, one for "
                "each tensor it takes. Concatenate the tensors before it."
            )

    def _with_adapters(self, kernel: Any) -> Any:
        """What the kernel reads as, with the adapters."""
        a, b = (getattr(self, f"lora_{self._kernel_name}_{which}") for which in "ab")
        return Adapted(kernel, a, b, self.lora_alpha / self.lora_rank)  # type: ignore[operator]

    def _put_kernel(self, kernel: Any) -> None:
        """Has the layer compute with a view of its kernel; the variable behind it stays the layer's own."""
        base = self._kernel
        if all(base is not variable for variable in self._added):
            self._added.append(base)
        setattr(self, self._kernel_name, kernel)
        if "kernels" in vars(self):
            self.kernels = (kernel,)

    @property
    def _kernel(self) -> Variable:
        """The variable behind the kernel."""
        kernel = getattr(self, self._kernel_name)
        while isinstance(kernel, View):
            kernel = kernel.base
        return kernel

    @property
    def trainable(self) -> bool:
        """Whether training changes its weights; the kernel stays frozen where it has adapters."""
        return self._trainable

    @trainable.setter
    def trainable(self, trainable: bool) -> None:
        Owner.trainable.fset(self, trainable)  # type: ignore[misc]
        if self.lora_enabled:
            self._kernel.trainable = False

    def _stored_variables(self) -> list:
        if not self.lora_enabled:
            return self._own_variables()
        kernel, view = self._kernel, getattr(self, self._kernel_name)
        return [view if v is kernel else v for v in self._own_variables() if v is not view.a and v is not view.b]
