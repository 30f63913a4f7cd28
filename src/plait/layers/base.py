"""The layer: maths with weights, that can be called, recorded, frozen and saved.

A layer is made in three steps. The constructor only stores its arguments. `build`, at the first call, makes the weights
for the input's shape. `call` computes. `Layer.__call__` ties them together: build if new, check, and then either record
the call (symbolic inputs) or run it (arrays).

What a layer owns (variables, layers, metrics, seed generators) is what its attributes hold, also in lists and dicts. It
is found by walking them when somebody asks. Setting an attribute only refuses names that plait uses itself (`core/holder`).

Verbs: `__call__`, `build`, `call`, `add_weight`, `add_loss`, `compute_mask`, `get_config`.

Life under jit: `call` is traced as it is. Variables read the values bound in the scope (`core/pure`), `add_loss` writes
to the scope's list.

What it is not: a model. It has no fit, no files, no graph.

Differs from Keras: no tracking on assignment, no metaclass; only `build` is wrapped, once a class; `call`'s signature is
read once a class; `training` that a call states wins over what comes from outside.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, overload

import jax
import numpy as np
from jax.typing import ArrayLike

from plait import constraints, initializers, regularizers
from plait.common.constructors import constructor_parameters
from plait.common.dtypes import is_float, is_tensor, on_host
from plait.common.messages import describe, did_you_mean, listing, warn
from plait.common.numbers import as_list
from plait.common.operators import AnyTensor
from plait.common.policies import DTypePolicy, DTypePolicyMap, policy
from plait.common.registry import builtin
from plait.common.scope import BY_LAYER, current, scope
from plait.common.serialization import plain
from plait.common.traits import default, definer, has_default, is_of_plait, own_of_plait
from plait.common.tree import flatten, map_structure_in_order
from plait.core.cell import mark_revision
from plait.core.graph import record
from plait.core.holder import shown
from plait.core.infer import infer
from plait.core.mask import _masks, end_masks_of_ops, get_mask, set_mask
from plait.core.pure import pure
from plait.core.remat import RematScope, run_again
from plait.core.tensor import KerasTensor, any_symbolic
from plait.core.variable import Variable, convert_to_tensor, values_of
from plait.distribution import lay_out_variable
from plait.errors import ArgumentError, ArgumentTypeError, PlaitError, StateError
from plait.layers.call_signature import CallSignature, parameter_names, read_signature, signatures
from plait.layers.input_spec import check_inputs, note_call, refuse_structure
from plait.layers.layer_config import arguments_of, make_of_config, read_config
from plait.layers.ownership import Owner, unique
from plait.layers.shapes import as_shapes, legacy_shape, map_shapes, shapes_of
from plait.layers.spec_cache import recall


def _marks_built(build: Callable) -> Callable:
    """A `build` that runs outside of any trace, under the layer's name, and leaves the layer marked as built.

    So a layer can be built by its first call, or by hand with `layer.build(shape)`.
    """

    @functools.wraps(build)
    def run(self: "Layer", *args: Any, **kwargs: Any) -> None:
        if self._building:  # a subclass calls its parent's
            build(self, *args, **kwargs)
            return
        self._building = True
        try:
            around = current().path
            _take_policy(self, around)
            with jax.ensure_compile_time_eval(), scope(bindings=None, compute_dtype=None, path=(*around, self.name)):
                build(self, *args, **kwargs)
        except PlaitError:
            raise
        except Exception as error:
            error.add_note(f"plait: while building {type(self).__name__} {self.name!r} for {(*args, *kwargs.values())}")
            raise
        finally:
            self._building = False
        names = (signatures.get(type(self)) or read_signature(type(self))).build_names or ("input_shape",)
        mark_built(self, {**dict(zip(names, args, strict=False)), **kwargs})

    return run


@builtin("layers", module="keras.layers")
class Layer(Owner):
    """The parent of all layers.

    Args:
        activity_regularizer: a function of the output whose value is added to the loss.
        trainable: whether training changes its weights.
        dtype: a dtype or a policy (`"mixed_bfloat16"`).
        autocast: whether floating inputs and weights are cast to what the layer computes in.
        name: its name; None makes one.

    Raises:
        ArgumentError: an argument that no layer has.

    >>> import numpy as np
    >>> import plait
    >>> class Scale(plait.layers.Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")
    ...
    ...     def call(self, x):
    ...         return x * self.factor
    >>> Scale()(np.ones((2, 3))).shape
    (2, 3)
    """

    _records = (
        "activity_regularizer input_spec autocast supports_masking dtype_policy _dtype_policy _policies _losses "
        "_build_shapes _given_shape _called _building _remat _is_quantized _convert_input_args _allow_non_tensor_positional_args"
    )
    _hooks = (
        "build call build_for build_from_config get_build_config get_config compute_output_spec regularization_losses"
    )
    _leads_to = ""  # which attributes that every layer has lead to objects in files

    input_spec: Any = None
    supports_jit = True
    _convert_input_args = True  # layers of packages that take text or plain lists turn these two around
    _allow_non_tensor_positional_args = False
    _called = _building = False
    _losses: list
    _build_shapes: dict | None = None
    _given_shape: tuple | None = None
    _remat: RematScope | None = None
    _policies: DTypePolicyMap | None = None
    _is_quantized = False
    _takes_structures = False  # whether it takes several tensors as one argument: lists, dicts
    _needs_integers = False  # whether integers are numbers of things, which floats can't stand for
    _followed = ("_regularizer", "_constraint")
    _family = "operation"  # the kind of thing that it does: the colour of its box in pictures
    _waits_for_call = True  # whether one without `build`, made of a config, is built by its first call
    _told_by_attributes = True  # whether attributes alone, not records, decide the shapes of its outputs
    _slow_in_loops = False  # whether XLA's CPU code for it takes a slow path inside a loop
    _usual_input_dtype: str | None = None  # what an Input in front of it has, where no data says

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = _marks_built(cls.build)  # type: ignore[method-assign]

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(name, trainable)
        if current().remat is not None:
            self._remat = current().remat
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self._dtype_policy = policy(dtype)
        if type(self._dtype_policy) is DTypePolicyMap:
            self._policies, self._dtype_policy = self._dtype_policy, self._dtype_policy.default_policy
        self.autocast = autocast
        self.__dict__["_losses"] = []
        self.supports_masking = not has_default(type(self), "compute_mask")
        self.built = _has_nothing_to_build(type(self))
        if kwargs:
            self._given_shape = legacy_shape(kwargs)
        if kwargs:
            options = [*constructor_parameters(type(self)), *constructor_parameters(Layer)]
            raise ArgumentError(
                f"Unrecognized keyword arguments passed to {type(self).__name__}: {kwargs}."
                f"{did_you_mean(next(iter(kwargs)), options)} It accepts {', '.join(dict.fromkeys(options))}."
            )

    # ------------------------------------------------------------------------ calling

    @_marks_built
    @default
    def build(self, input_shape: Any) -> None:
        """Makes the weights for inputs of a shape. Called once, before the first `call`.

        By default those of the layers inside, by tracing a call if there is one.
        """
        if _has_unbuilt_layers(self) and not has_default(type(self), "call"):
            build_by_tracing(self, input_shape)

    @default
    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Computes the outputs from the inputs."""
        raise NotImplementedError(f"Layer {type(self).__name__} does not have a `call` method implemented.")

    @overload
    def __call__(self, inputs: KerasTensor, /, *args: Any, **kwargs: Any) -> KerasTensor: ...

    @overload
    def __call__(self, inputs: ArrayLike, /, *args: Any, **kwargs: Any) -> AnyTensor: ...

    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Builds the layer if it is new, then records the call on symbolic tensors, or runs it on arrays."""
        signature = signatures.get(type(self)) or read_signature(type(self))
        symbolic = any_symbolic(args) or (bool(kwargs) and any_symbolic(kwargs.values()))
        if not symbolic:
            args, kwargs = self._convert_inputs(args, kwargs)
        if self.input_spec is not None and self.built:
            self._check_inputs(signature, args, kwargs)
        if not self.built:
            self._build_for_call(signature, args, kwargs)
        if _masks or symbolic:
            kwargs = self._with_masks(signature, args, kwargs)
        if symbolic:
            outputs = record(self, args, kwargs)
        else:
            outputs = self._run_call(signature, args, kwargs)
        if signature.makes_mask or ((_masks or symbolic or "mask" in kwargs) and args):
            self._pass_masks_on(args, kwargs, outputs)
        return outputs

    def _run_call(self, signature: CallSignature, args: tuple, kwargs: dict) -> Any:
        """Runs `call` on values, under the scope it is to see."""
        around = current()
        training = kwargs.pop("training", None) if "training" in kwargs else None
        if training is None:
            training = around.training if around.training is not None else signature.training_default
        if signature.takes_training and training is not None:
            kwargs = {**kwargs, "training": training}
        compute = self._dtype_policy.compute_dtype
        cast = compute if self.autocast and compute != self._dtype_policy.variable_dtype else None
        if self._losses and around.losses is None:
            self._losses.clear()
        call = self.call if self._remat is None or not training else self._call_again
        try:
            if training is around.training and cast == around.compute_dtype and self._called:
                outputs = call(*args, **kwargs)
            else:
                path = around.path if self._called else (*around.path, self.name)
                with scope(training=training, compute_dtype=cast, path=path):
                    outputs = call(*args, **kwargs)
                self._called = True
        except Exception as error:
            note_call(self, "/".join((*current().path, self.name)), error, args, kwargs)
            raise
        if isinstance(outputs, (Variable, list, tuple, dict)):
            outputs = values_of(outputs)
        if self.activity_regularizer is not None:
            for output in flatten(outputs):
                rows = output.shape[0]
                self.add_loss(self.activity_regularizer(output) / (max(rows, 1) if isinstance(rows, int) else rows))
        return outputs

    def _call_again(self, *args: Any, **kwargs: Any) -> Any:
        """Runs `call` so that the backward pass computes it again, where the RematScope it was made in says so."""
        if self._remat is not None and self._remat.covers(self, args, kwargs):
            return run_again(self.call, self.variables, args, kwargs, self.add_loss)
        return self.call(*args, **kwargs)

    def _convert_inputs(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """Makes arrays of what comes in, floating ones in the dtype that the layer computes in."""
        if not self._convert_input_args:
            return args, kwargs
        if len(args) == 1 and not kwargs and hasattr(args[0], "dtype"):
            return (self._convert_leaf(args[0]),), kwargs
        args = tuple(map_structure_in_order(self._convert_leaf, arg) for arg in args)
        self._check_positional(args)
        return args, {key: map_structure_in_order(self._convert_leaf, arg) for key, arg in kwargs.items()}

    def _convert_leaf(self, x: Any) -> Any:
        if isinstance(x, Variable) or (hasattr(x, "__array__") and not isinstance(x, (jax.Array, np.generic))):
            if getattr(getattr(x, "dtype", None), "kind", "") in ("U", "S", "O"):
                return x  # strings stay on the host
            if isinstance(x, np.ndarray) and x.dtype.itemsize == 8:
                numbers = None if self._needs_integers else "float32"
                x = on_host(x, None, f"{type(self).__name__} {self.name!r}", numbers)
            x = convert_to_tensor(x)
        compute = self._dtype_policy.compute_dtype
        if self.autocast and hasattr(x, "astype") and x.dtype != compute and is_float(x.dtype):
            cast = x.astype(compute)
            if _masks:
                set_mask(cast, get_mask(x))
            return cast
        return x

    def _check_positional(self, args: tuple) -> None:
        for arg in args if not self._allow_non_tensor_positional_args else ():
            for leaf in flatten(arg):
                if leaf is not None and not hasattr(leaf, "dtype"):
                    raise ArgumentError(
                        f"{type(self).__name__} {self.name!r}: Only input tensors may be passed as positional arguments, "
                        f"but got {describe(leaf)}. Make arrays of lists of numbers, and pass anything else by keyword."
                    )

    def _check_inputs(self, signature: CallSignature, args: tuple, kwargs: dict) -> None:
        first = args[0] if args else kwargs.get(signature.names[0]) if signature.names else None
        if first is not None:
            check_inputs(self.input_spec, first, f'"{self.name}"')

    # ------------------------------------------------------------------------ building

    def _build_for_call(self, signature: CallSignature, args: tuple, kwargs: dict) -> None:
        if "_nodes" not in self.__dict__:
            raise StateError(
                f"{type(self).__name__}: in its constructor you forgot to call `super().__init__()` as the first thing."
            )
        if self.input_spec is not None:
            self._check_inputs(signature, args, kwargs)
        try:
            self.build_for(self._shapes_for_build(signature, args, kwargs))
        except Exception as error:
            refuse_structure(self, error, args, kwargs)
            raise
        if self._states_shape and has_default(type(self), "build") and _has_unbuilt_layers(self):
            _trace(self, args, kwargs)
        if self.input_spec is not None:
            self._check_inputs(signature, args, kwargs)

    def _shapes_for_build(self, signature: CallSignature, args: tuple, kwargs: dict) -> dict:
        shapes = self._shapes_by_name(signature.build_names, signature, args, kwargs)
        return shapes if len(shapes) >= len(signature.build_names) else {**self._missing_shapes(signature), **shapes}

    def _shapes_by_name(self, names: tuple[str, ...], signature: CallSignature, args: tuple, kwargs: dict) -> dict:
        """The shapes of a call's tensors for a method that has parameters of these names: one gets the first tensor's."""
        given = dict(zip(signature.names, args, strict=False))
        given.update((name, kwargs[name]) for name in signature.names if name in kwargs)
        tensors = {name: value for name, value in given.items() if any(map(is_tensor, flatten(value)))}
        if len(names) <= 1:
            value = next(iter(tensors.values()), args[0] if args else None)
            return {names[0] if names else "input_shape": shapes_of(value)}
        return {f"{name}_shape": shapes_of(value) for name, value in tensors.items() if f"{name}_shape" in names}

    def _missing_shapes(self, signature: CallSignature) -> dict:
        """None for each parameter of `build` whose tensor a call leaves out; an error for those that no call fills."""
        parameters = inspect.signature(self.build).parameters
        needed = [name for name in signature.build_names if parameters[name].default is inspect.Parameter.empty]
        for name in needed:
            if not name.endswith("_shape"):
                raise ArgumentError(
                    f"{type(self).__name__}.build: it has several parameters, so each is found by its name, but there is an "
                    f"argument `{name}`, which does not end in `_shape`. Name each after one of `call`: {listing(signature.names)}."
                )
            if name.removesuffix("_shape") not in signature.names:
                raise ArgumentError(
                    f"{type(self).__name__}.build: it has a parameter `{name}`, but `call()` does not have argument "
                    f"`{name.removesuffix('_shape')}`. It has {listing(signature.names)}."
                )
        return dict.fromkeys(needed)

    def build_for(self, shapes: dict) -> None:
        """Builds the layer for shapes by the names of `build`'s parameters.

        Where the class defines no `build`, the layers inside are built as `call` reaches them.
        """
        if has_default(type(self), "build"):
            _take_policy(self, current().path)
            mark_built(self, shapes)
        elif len(shapes) == 1:
            self.build(*shapes.values())
        else:
            self.build(**shapes)

    def add_weight(
        self,
        *args: Any,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Makes a variable that belongs to the layer.

        Args:
            args: the shape, the initializer and the dtype may come by position.
            shape: its shape; a number by default.
            initializer: a name, object or function; by default Glorot-uniform for floats and zeros for others.
            dtype: by default the policy's dtype for variables.
            trainable: whether training changes it.
            autocast: whether it is read in the dtype the layer computes in.
            regularizer: a function of its value that is added to the loss.
            constraint: a function that maps its value after each update.
            aggregation: has no effect.
            overwrite_with_gradient: whether its "gradient" is its new value.
            name: its name.

        Raises:
            ArgumentError: a name by position, or an argument that comes twice.
            StateError: the layer has been built: weights are made in its constructor or in `build`.
        """
        if args:
            shape, initializer, dtype = _by_position(self.name, args, shape, initializer, dtype)
        if self.__dict__.get("_build_shapes") is not None and not self._building:
            raise StateError(
                f"{self.name}.add_weight: you cannot add new elements of state to a layer that is already built. Make all "
                "weights in the constructor or in `build`, not in `call`."
            )
        dtype = self.variable_dtype if dtype is None else dtype
        if initializer is None:
            initializer = "glorot_uniform" if is_float(dtype) else "zeros"
        around = current().path if self._building else (*current().path, self.name)
        with scope(path=around):
            variable = Variable(
                initializer if hasattr(initializer, "__array__") else initializers.get(initializer),
                shape=() if shape is None else shape,
                dtype=dtype,
                trainable=trainable,
                autocast=autocast,
                aggregation=aggregation,
                name=name,
            )
        variable.trainable = trainable and self._trainable
        lay_out_variable(variable)
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        variable.overwrite_with_gradient = overwrite_with_gradient
        self._added.append(variable)
        return variable

    def add_variable(
        self,
        shape: Any,
        initializer: Any,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Makes a variable that belongs to the layer: `add_weight` with fewer options."""
        options = {"trainable": trainable, "autocast": autocast, "regularizer": regularizer, "constraint": constraint}
        return self.add_weight(shape, initializer, dtype, name=name, **options)

    # ------------------------------------------------------------------------ masks

    @default
    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of the output; by default the input's, and of several inputs each its own."""
        return previous_mask

    def _with_masks(self, signature: CallSignature, args: tuple, kwargs: dict) -> dict:
        """Fills `mask` or `<argument>_mask` from the masks that the tensors carry."""
        if not (signature.takes_mask or signature.mask_names):
            return kwargs
        given = {**dict(zip(signature.names, args, strict=False)), **kwargs}
        tensors = {n: v for n, v in given.items() if any(map(is_tensor, flatten(v))) and not n.endswith("mask")}
        filled = dict(kwargs)
        for name, value in tensors.items():
            key = "mask" if len(tensors) == 1 and signature.takes_mask else f"{name}_mask"
            if (key == "mask" or key in signature.mask_names) and given.get(key) is None:
                mask = map_structure_in_order(get_mask, value)
                if any(leaf is not None for leaf in flatten(mask)):
                    filled[key] = mask
        return filled

    def _pass_masks_on(self, args: tuple, kwargs: dict, outputs: Any) -> None:
        end_masks_of_ops(flatten(outputs) if self._family != "model" else [])  # in a model's `call` they go on
        first = args[0] if args else next((v for v in kwargs.values() if is_tensor(v)), None)
        previous = kwargs.get("mask")  # a mask that was given counts as the input's own
        if previous is None:
            previous = map_structure_in_order(get_mask, first)
        masked = any(leaf is not None for leaf in flatten(previous))
        if not self.supports_masking:
            if masked:
                warn(
                    f"Layer {self.name!r} (of type {type(self).__name__}) was passed an input with a mask attached to it. "
                    "However, this layer does not support masking and will therefore destroy the mask information."
                )
            return
        tensors = [leaf for leaf in flatten(outputs) if leaf is not None]
        if has_default(type(self), "compute_mask") and (not masked or len(flatten(previous)) != len(tensors)):
            return
        if any(get_mask(tensor) is None for tensor in tensors):
            masks = self.compute_mask(first, previous)
            if masks is not None:
                for tensor, mask in zip(tensors, flatten(masks), strict=False):
                    if mask is not None and get_mask(tensor) is None:
                        set_mask(tensor, mask)

    # ------------------------------------------------------------------------ shapes

    @shown
    def states_shape(self) -> bool:
        """Whether its class, a program's own, has a `compute_output_shape`, which is then believed."""
        return self._states_shape

    @property
    def _states_shape(self) -> bool:
        cls = type(self)
        return not has_default(cls, "compute_output_shape") and not is_of_plait(cls)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The symbolic tensors that a call would give, from a user's `compute_output_shape` or by an abstract trace."""
        if self._states_shape:
            signature = signatures.get(type(self)) or read_signature(type(self))
            names = parameter_names(type(self).compute_output_shape)
            given = self._shapes_by_name(names, signature, args, kwargs)
            shapes = (
                self.compute_output_shape(*given.values()) if len(given) == 1 else self.compute_output_shape(**given)
            )
            return map_shapes(lambda shape: KerasTensor(shape, dtype=self.compute_dtype), shapes)
        signature = signatures.get(type(self)) or read_signature(type(self))

        def run(*args: Any, **kwargs: Any) -> Any:
            cast_args, cast_kwargs = self._convert_inputs(args, kwargs)
            return self._run_call(signature, cast_args, cast_kwargs)

        return recall(self, args, kwargs, lambda: infer(run, args, kwargs))

    @default
    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The shape of the output for a shape of the input, derived by an abstract trace."""
        tensors = [map_shapes(lambda shape: KerasTensor(shape, dtype=self.compute_dtype), shapes) for shapes in args]
        names = {key.removesuffix("_shape"): value for key, value in kwargs.items()}
        named = {
            ("inputs" if key == "input" else key): map_shapes(lambda s: KerasTensor(s, dtype=self.compute_dtype), value)
            for key, value in names.items()
        }
        if not tensors and "inputs" in named:
            tensors = [named.pop("inputs")]
        if not self.built:
            self._build_for_call(signatures.get(type(self)) or read_signature(type(self)), tuple(tensors), named)
        return map_structure_in_order(lambda t: t.shape, self.compute_output_spec(*tensors, **named))

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """The symbolic tensors that a call would give."""
        return self.compute_output_spec(*args, **kwargs)

    # ------------------------------------------------------------------------ losses

    def add_loss(self, loss: Any) -> None:
        """Adds a number, or several, to what training minimises.

        Raises:
            ArgumentError: not a tensor of rank 0.
        """
        collected = current().losses
        for value in as_list(loss):
            if value is None:
                continue
            if callable(value) and not hasattr(value, "dtype"):
                value = value()
            value = convert_to_tensor(value)
            if isinstance(value, KerasTensor):
                raise ArgumentError(f"{self.name}.add_loss: got a symbolic tensor. Call add_loss in a layer's `call`.")
            (self._losses if collected is None or collected is BY_LAYER else collected).append(value)

    @property
    def losses(self) -> list:
        """What `add_loss` got in the last call, and the regularisation of the trainable weights."""
        collected = current().losses
        if collected is not None and collected is not BY_LAYER:
            return [*collected, *self.regularization_losses()]
        added = [loss for layer in unique(self._flatten_layers()) for loss in layer._losses]
        return added + self.regularization_losses()

    def regularization_losses(self) -> list:
        """The regularisers' values for the trainable weights."""
        return [v.regularizer(v.value) for v in self.trainable_weights if v.regularizer is not None]

    def _follow(self, name: str, value: Any) -> None:
        """Gives a regularizer or constraint that is set on a built layer to the weight that it is for."""
        stem, kind = name.rsplit("_", 1)
        for variable in self._own_variables() if self.built and stem != "activity" else ():
            if variable.name in (stem, f"{stem}_kernel"):
                setattr(variable, kind, (regularizers if kind == "regularizer" else constraints).get(value))

    def _clear_losses(self) -> None:
        for layer in self._flatten_layers():
            layer._losses.clear()  # type: ignore[attr-defined]

    # ------------------------------------------------------------------------ as a function

    def stateless_call(
        self,
        trainable_variables: Sequence,
        non_trainable_variables: Sequence,
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> tuple:
        """Calls the layer with values in place of its variables', without changing any.

        Returns:
            `(outputs, non_trainable_variables)`, and the losses where asked for.

        Raises:
            StateError: it isn't built.
            ArgumentError: another number of values.
        """
        if not self.built:
            raise StateError(
                f"To call stateless_call, {type(self).__name__} must be built (i.e. its variables must exist)."
            )
        mine = self.trainable_variables, self.non_trainable_variables
        for kind, variables, values in zip(
            ("trainable_variables", "non_trainable_variables"),
            mine,
            (trainable_variables, non_trainable_variables),
            strict=True,
        ):
            if len(variables) != len(values):
                raise ArgumentError(
                    f"{self.name}.stateless_call: got {len(values)} values for its {len(variables)} {kind}."
                )
        losses: list = []

        def call() -> Any:
            with scope(losses=losses):
                outputs = self(*args, **kwargs)
                losses.extend(self.regularization_losses() if return_losses else ())
            return outputs

        listed = {*mine[0], *mine[1]}
        measured = [variable for variable in self.metrics_variables if variable not in listed]  # stay as they are
        outputs, after = pure(call, [*mine[0], *mine[1], *measured])(
            [*trainable_variables, *non_trainable_variables, *measured]
        )
        result = outputs, after[len(mine[0]) : len(listed)]
        return (*result, losses) if return_losses else result

    # ------------------------------------------------------------------------ dtype, config, files

    @property
    def dtype_policy(self) -> DTypePolicy:
        """What it computes in, and keeps its variables in; may be set by name. One that quantises does so."""
        return self._dtype_policy if self._policies is None else self._policies

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        self._dtype_policy = policy(value)
        if self._policies is not None:
            if self.path in self._policies:
                del self._policies[self.path]
            self._policies[self.path] = self._dtype_policy
        if self._dtype_policy.quantization_mode is not None and self.built and not self._is_quantized:
            self.quantize(self._dtype_policy.quantization_mode)

    def _saved_policy(self) -> DTypePolicy:
        """What its config says: its policy, or a map where it makes layers inside that have others."""
        return self.dtype_policy

    @property
    def quantization_mode(self) -> str | None:
        """How its kernel is kept in few bits, or None."""
        return self._dtype_policy.quantization_mode

    def quantize(self, mode: str | None = None, type_check: bool = True, config: Any = None) -> None:
        """Keeps the kernel in few bits from now on: what layers with a kernel to multiply with can do."""
        raise NotImplementedError(f"Layer {type(self).__name__} does not have a `quantize` method implemented.")

    def quantized_build(self, input_shape: Any, mode: str) -> None:
        """Makes the weights of a quantised layer."""
        raise NotImplementedError(f"Layer {type(self).__name__} does not have a `quantized_build` method implemented.")

    @property
    def dtype(self) -> str:
        """The dtype of its variables."""
        return self._dtype_policy.variable_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of its variables."""
        return self._dtype_policy.variable_dtype

    @property
    def compute_dtype(self) -> str:
        """The dtype it computes in."""
        return self._dtype_policy.compute_dtype

    @property
    def input_dtype(self) -> str:
        """The dtype that floating inputs are cast to."""
        return self._dtype_policy.compute_dtype

    @property
    def path(self) -> str:
        """Its name, after the names of what it was built in."""
        own = self._own_variables()
        return own[0].path.rpartition("/")[0] if own else self.name

    def get_config(self) -> dict:
        """The constructor's arguments as plain data: those that a class of the program's own was given.

        Plait's own layers keep theirs under the same names, and are read back from there.

        Raises:
            ConfigError: an argument that no config can hold.
        """
        config: dict[str, Any] = {"name": self.name, "trainable": self._trainable, "dtype": plain(self._saved_policy())}
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = plain(self.activity_regularizer)
        return {**config, **arguments_of(self, Layer)}

    @classmethod
    def from_config(cls, config: dict) -> "Layer":
        """A layer from its config; the config stays as it is.

        What every layer has, and a constructor of the program's own doesn't take, is set afterwards.
        """
        return make_of_config(cls, cls._read_config(dict(config)))

    @classmethod
    def _read_config(cls, config: dict) -> dict:
        """A config's values, with those in object form made into objects."""
        return read_config(cls, config)

    def get_build_config(self) -> dict | None:
        """The shapes that it was built for."""
        shapes = self._build_shapes
        if shapes is None:
            return None
        if len(shapes) == 1:
            return {"input_shape": next(iter(shapes.values()))}
        return {"shapes_dict": shapes}

    def build_from_config(self, config: dict | None) -> None:
        """Builds it for the shapes that `get_build_config` gave; does nothing where there were none.

        Where the class defines no `build`, layers inside are left to the first call.
        """
        config = config or {}
        if type(self)._waits_for_call and has_default(type(self), "build") and _has_unbuilt_layers(self):
            return
        if config.get("input_shape") is not None:
            self.build_for({"input_shape": as_shapes(config["input_shape"])})
        elif config.get("shapes_dict"):
            self.build_for({key: as_shapes(value) for key, value in config["shapes_dict"].items()})

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _by_position(owner: str, args: tuple, *named: Any) -> list:
    """What `add_weight` got by position, in its place among what it got by name."""
    if isinstance(args[0], str):
        raise ArgumentError(
            f"{owner}.add_weight: the first argument is the shape, but got {args[0]!r}. Give the name of a weight as a "
            f"keyword argument: name={args[0]!r}."
        )
    names = ("shape", "initializer", "dtype")
    if len(args) > len(names):
        raise ArgumentTypeError(
            f"{owner}.add_weight: takes at most {len(names)} positional arguments, {listing(names)}, but got {len(args)}."
        )
    for name, _, value in zip(names, args, named, strict=False):
        if value is not None:
            raise ArgumentError(f"{owner}.add_weight: `{name}` was passed both positionally and as a keyword argument.")
    return [*args, *named[len(args) :]]


def _has_nothing_to_build(cls: type) -> bool:
    """Whether it is one of plait's layers that have no weights, so that it is built from the start."""
    return own_of_plait(cls) is not Layer and definer(cls, "build") is Layer


def mark_built(layer: Layer, shapes: dict) -> None:
    """Notes that a layer has been built for shapes."""
    layer.__dict__["_build_shapes"] = shapes
    layer.built = True
    mark_revision()


def _take_policy(layer: Layer, around: tuple[str, ...]) -> None:
    if layer._policies is not None:
        layer._dtype_policy = layer._policies["/".join((*around, layer.name))]


def _has_unbuilt_layers(layer: Layer) -> bool:
    return any(not inner.built for inner in layer._layers)


def _trace(layer: Layer, args: tuple, kwargs: dict) -> None:
    """Makes the weights of the layers inside, which a shape that the class states would leave to the first batch."""
    try:
        infer(functools.partial(Layer.__call__, layer), args, kwargs)
    except Exception as error:
        warn(
            f"Layer {layer.name!r} (of type {type(layer).__name__}) holds layers that aren't built, and its `call` cannot be "
            f"traced to build them: {error} Define `build`, or call the layer on data first."
        )


def build_by_tracing(layer: Layer, input_shape: Any) -> None:
    """Makes the weights of the layers inside for inputs of a shape: what `build` does by default."""
    tensors = map_shapes(lambda shape: KerasTensor(shape, dtype=layer.compute_dtype), input_shape)
    with scope(path=current().path[:-1]):  # the call puts its name behind, as `build` did
        infer(functools.partial(Layer.__call__, layer), (tensors,), {})
