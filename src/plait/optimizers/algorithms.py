"""Keras's optimizers: each is a chain of pairs (`transforms.py`) under Keras's name, with its arguments.

The options that all have are told in `Optimizer`. `slots` says in which order the chain's state becomes variables,
because files depend on it.
"""

import inspect
import re
from collections.abc import Callable
from typing import Any, TypedDict, TypeVar, Unpack

import optax
from optax import GradientTransformationExtraArgs, chain

from plait.common import registry
from plait.common.messages import raise_all
from plait.core.variable import Variable
from plait.errors import ArgumentError
from plait.optimizers import transforms
from plait.optimizers.base import Optimizer
from plait.optimizers.transforms import accumulate, descend
from plait.optimizers.updater import COMMON_OPTIONS


class OptionsBesidesDecay(TypedDict, total=False):
    """The options of those that name `weight_decay` among their own arguments."""

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    loss_scale_factor: float | None
    gradient_accumulation_steps: int | None
    name: str | None


class Options(OptionsBesidesDecay, total=False):
    """The options that every optimizer has; `Optimizer` says what they mean."""

    weight_decay: float | None


_A = TypeVar("_A", bound=type[Optimizer])


def algorithm(cls: _A) -> _A:
    """Puts an optimizer in the registry, and its constructor gets the signature of the options that it passes on: a decorator."""
    constructor: Any = cls.__init__
    parameters = list(inspect.signature(constructor).parameters.values())[:-1]
    named = {parameter.name for parameter in parameters}
    common = [p for p in inspect.signature(Optimizer.__init__).parameters.values() if p.name not in named]
    keywords = [p.replace(kind=p.KEYWORD_ONLY) if p.kind is p.POSITIONAL_OR_KEYWORD else p for p in common]
    constructor.__signature__ = inspect.Signature([*parameters, *keywords])
    cls.arguments = tuple(p.name for p in parameters[1:] if p.name not in ("learning_rate", *COMMON_OPTIONS))
    return registry.builtin("optimizers", cls.__name__.lower())(cls)


_MOMENTS = (("momentum", "velocity"), ("velocity_hat",))


@algorithm
class SGD(Optimizer):
    """Gradient descent, with momentum where asked for: `m <- momentum * m - learning_rate * g`, then `w <- w + m`.

    Args:
        learning_rate: a float, a schedule, or a function that returns it.
        momentum: how much of the last step is taken again; 0 keeps no state.
        nesterov: whether the step is `momentum * m - learning_rate * g`, with the new m.

    Raises:
        ArgumentError: a momentum outside of [0, 1].

    Source: Sutskever et al., On the importance of initialization and momentum in deep learning, 2013.
    Differs: the learning rate is inside the momentum; `optax.sgd` applies it to the sum.

    >>> weight = Variable(1.0)
    >>> SGD(learning_rate=0.5).apply([1.0], [weight])
    >>> float(weight)
    0.5
    """

    slots = (("momentum",),)

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **common: Unpack[Options],
    ):
        if isinstance(momentum, bool) or not isinstance(momentum, (int, float)) or not 0 <= momentum <= 1:
            raise ArgumentError(f"SGD: `momentum` must be a float between [0, 1], but got {momentum!r}.")
        super().__init__(learning_rate, **common)
        self.momentum = momentum
        self.nesterov = nesterov

    def rule(self) -> GradientTransformationExtraArgs:
        """Steps, then their momentum."""
        return chain(descend(), accumulate(self.momentum, self.nesterov) if self.momentum else optax.identity())


@algorithm
class Adam(Optimizer):
    """Steps of a size that doesn't depend on the gradient's scale: its moving average over the root of its square's.

    Args:
        learning_rate: a float, a schedule, or a function that returns it.
        beta_1: how much of the average gradient stays at each update.
        beta_2: the same for the average square.
        epsilon: added to the root; the paper's "epsilon hat".
        amsgrad: whether the highest average square so far is used instead.

    Source: Kingma and Ba, Adam: A Method for Stochastic Optimization, 2014; `amsgrad`: Reddi, Kale and Kumar, On the
    Convergence of Adam and Beyond, 2018.
    Differs: epsilon isn't corrected for bias; `optax.adam` corrects it.

    >>> weight = Variable([1.0, -1.0])
    >>> Adam(0.1).apply([[3.0, -0.2]], [weight])
    >>> [round(float(value), 3) for value in weight]
    [0.9, -0.9]
    """

    slots = _MOMENTS

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **common: Unpack[Options],
    ):
        super().__init__(learning_rate, **common)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.amsgrad = amsgrad

    def rule(self) -> GradientTransformationExtraArgs:
        """Both moments."""
        return chain(transforms.scale_by_adam(self.beta_1, self.beta_2, self.epsilon, self.amsgrad), descend())


@algorithm
class AdamW(Adam):
    """Adam with weight decay that is not part of the gradient.

    Args:
        learning_rate: a float, a schedule, or a function that returns it.
        weight_decay: how much weights are decayed, in units of the learning rate.
        beta_1: how much of the average gradient stays at each update.
        beta_2: the same for the average square.
        epsilon: added to the root; the paper's "epsilon hat".
        amsgrad: whether the highest average square so far is used instead.

    Raises:
        ArgumentError: no weight decay; that is Adam.

    Source: Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2017.
    Differs: the decay is applied before the update, and so to the weights that Adam then moves; Optax adds both up.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float | None = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **common: Unpack[OptionsBesidesDecay],
    ):
        if weight_decay is None:
            raise ArgumentError(
                "AdamW: Argument `weight_decay` must be a float. Received: weight_decay=None. Without it, use Adam."
            )
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **common)


@algorithm
class Adamax(Optimizer):
    """Adam with the decayed maximum of the gradient's absolute values in place of the root of its average square.

    Args:
        learning_rate: a float, a schedule, or a function that returns it.
        beta_1: how much of the average gradient stays at each update.
        beta_2: how much of the maximum stays.
        epsilon: added to the maximum.

    Source: Kingma and Ba, Adam: A Method for Stochastic Optimization, 2014, section 7.1.
    """

    slots = (("momentum", "norm"),)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **common: Unpack[Options],
    ):
        super().__init__(learning_rate, **common)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def rule(self) -> GradientTransformationExtraArgs:
        """The moment and the maximum."""
        return chain(transforms.scale_by_adamax(self.beta_1, self.beta_2, self.epsilon), descend())


@algorithm
class Nadam(Optimizer):
    """Adam with Nesterov momentum.

    Args:
        learning_rate: a float, a schedule, or a function that returns it.
        beta_1: how much of the average gradient stays, once the coefficient has grown to it.
        beta_2: how much of the average square stays at each update.
        epsilon: added to the root.

    Source: Dozat, Incorporating Nesterov Momentum into Adam, 2015.
    Differs: the momentum coefficient grows with the steps; that of `optax.nadam` is constant.
    """

    slots = (("momentum", "velocity"), ("product",))

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **common: Unpack[Options],
    ):
        super().__init__(learning_rate, **common)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def rule(self) -> GradientTransformationExtraArgs:
        """Both moments, and the product of the coefficients."""
        return chain(transforms.scale_by_nadam(self.beta_1, self.beta_2, self.epsilon), descend())

    def new_slot(self, owner: Variable | None, field: str, value: Any) -> Variable:
        """Keras gives the product no name of its own."""
        return super().new_slot(owner, field, value) if owner is not None else self._variable(value, None, path=())


@algorithm
class RMSprop(Optimizer):
    """Gradients over the root of the moving average of their squares.

    Args:
        learning_rate: a float, a schedule, or a function that returns it.
        rho: how much of the average stays at each update.
        momentum: how much of the last step is taken again; 0 keeps no state.
        epsilon: added to the average, inside the root.
        centered: whether the square of the average gradient is taken off, so that it is the root of the variance.

    Source: Hinton, Neural Networks for Machine Learning, lecture 6e, 2012.
    """

    slots = (("velocity",), ("momentum",), ("average_gradient",))

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **common: Unpack[Options],
    ):
        super().__init__(learning_rate, **common)
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    def rule(self) -> GradientTransformationExtraArgs:
        """The averages; the momentum is of what is taken off the weights, so its sign is turned round twice."""
        scaled = transforms.scale_by_rms(self.rho, self.epsilon, self.centered)
        if self.momentum > 0:
            return chain(scaled, descend(), optax.scale(-1.0), accumulate(self.momentum), optax.scale(-1.0))
        return chain(scaled, descend())


@algorithm
class Adagrad(Optimizer):
    """Gradients over the root of the sum of all their squares so far.

    Args:
        learning_rate: a float, a schedule, or a function that returns it.
        initial_accumulator_value: where the sum starts.
        epsilon: added to the sum, inside the root.

    Source: Duchi, Hazan and Singer, Adaptive Subgradient Methods for Online Learning, 2011.
    """

    slots = (("accumulator",),)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **common: Unpack[Options],
    ):
        super().__init__(learning_rate, **common)
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon

    def rule(self) -> GradientTransformationExtraArgs:
        """The sum of squares."""
        return chain(transforms.scale_by_accumulated_squares(self.initial_accumulator_value, self.epsilon), descend())


@algorithm
class Adadelta(Optimizer):
    """Steps whose units are those of the weights: root mean square of the steps so far over that of the gradients.

    Args:
        learning_rate: a float, a schedule, or a function that returns it; 1.0 is the paper's.
        rho: how much of the averages stays at each update.
        epsilon: added to both averages, inside the roots.

    Source: Zeiler, ADADELTA: An Adaptive Learning Rate Method, 2012.
    """

    slots = (("accumulated_grad", "accumulated_delta_var"),)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        **common: Unpack[Options],
    ):
        super().__init__(learning_rate, **common)
        self.rho = rho
        self.epsilon = epsilon

    def rule(self) -> GradientTransformationExtraArgs:
        """Both averages."""
        return chain(transforms.scale_by_adadelta(self.rho, self.epsilon), descend())


@algorithm
class Ftrl(Optimizer):
    """FTRL-proximal: many weights become exactly 0 under `l1_regularization_strength`.

    Args:
        learning_rate: a float, a schedule, or a function that returns it.
        learning_rate_power: at most 0; how the rate falls as gradients add up.
        initial_accumulator_value: where the sums of squares start.
        l1_regularization_strength: the weight of the absolute values.
        l2_regularization_strength: the weight of the squares.
        l2_shrinkage_regularization_strength: the weight of the squares in the gradient, whatever its size.
        beta: the paper's; it makes the l2 stronger by `beta / (2 * learning_rate)`.

    Raises:
        ArgumentError: a value of the wrong sign.

    Source: McMahan et al., Ad Click Prediction: a View from the Trenches, 2013.
    """

    slots = (("accumulator", "linear"),)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **common: Unpack[Options],
    ):
        super().__init__(learning_rate, **common)
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta
        positive = [name for name in self.arguments if name not in ("learning_rate_power", "beta")]
        wrong = [name for name in positive if getattr(self, name) < 0]
        problems = [f"`{name}` needs to be positive or zero. Received: {name}={getattr(self, name)}." for name in wrong]
        if learning_rate_power > 0:
            problems.append(
                f"`learning_rate_power` needs to be negative or zero. Received: learning_rate_power={learning_rate_power}."
            )
        if len(problems) == 1:
            raise ArgumentError(problems[0])
        raise_all(ArgumentError, "Ftrl", problems)

    def rule(self) -> GradientTransformationExtraArgs:
        """One pair, which gives steps."""
        return transforms.follow_the_regularized_leader(
            self.learning_rate_power,
            self.initial_accumulator_value,
            self.l1_regularization_strength,
            self.l2_regularization_strength,
            self.l2_shrinkage_regularization_strength,
            self.beta,
        )


@algorithm
class Lion(Optimizer):
    """Steps of one size in each coordinate: the sign of a blend of momentum and gradient.

    Args:
        learning_rate: a float, a schedule, or a function that returns it; 3 to 10 times lower than Adam's.
        beta_1: how much of the momentum is in the blend.
        beta_2: how much of the momentum stays at each update.

    Raises:
        ArgumentError: a `beta_1` outside of (0, 1].

    Source: Chen et al., Symbolic Discovery of Optimization Algorithms, 2023.
    """

    slots = (("momentum",),)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **common: Unpack[Options],
    ):
        if not 0 < beta_1 <= 1:
            raise ArgumentError(
                "Lion: Argument `beta_1` must be in the [0, 1] range. Otherwise, the optimizer degenerates to SignSGD. "
                f"Received: beta_1={beta_1}. 0 itself is excluded."
            )
        super().__init__(learning_rate, **common)
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    def rule(self) -> GradientTransformationExtraArgs:
        """Signs."""
        return chain(transforms.scale_by_lion(self.beta_1, self.beta_2), descend())


@algorithm
class Lamb(Optimizer):
    """Adam, with each tensor's step made as long as the tensor: for large batches.

    Args:
        learning_rate: a float, a schedule, or a function that returns it.
        beta_1: how much of the average gradient stays at each update.
        beta_2: the same for the average square.
        epsilon: added to the root, after the correction for bias.

    Source: You et al., Large Batch Optimization for Deep Learning: Training BERT in 76 minutes, 2019.
    Differs: weight decay isn't part of the step whose length is set, as it is in the paper and in `optax.lamb`.
    """

    slots = _MOMENTS

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **common: Unpack[Options],
    ):
        super().__init__(learning_rate, **common)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def rule(self) -> GradientTransformationExtraArgs:
        """Adam, then the lengths."""
        adam = transforms.scale_by_corrected_adam(self.beta_1, self.beta_2, self.epsilon)
        return chain(adam, transforms.scale_by_trust_ratio(), descend())


@algorithm
class Adafactor(Optimizer):
    """Adam's scaling from the means of rows and columns, with steps relative to the size of the weights.

    Args:
        learning_rate: a float, a schedule, or a function that returns it.
        beta_2_decay: the average's weight of the past is `1 - t ** beta_2_decay`.
        epsilon_1: added to the squared gradients.
        epsilon_2: the least size of weights that steps are relative to.
        clip_threshold: the highest root mean square of an update, before the rate.
        relative_step: kept for Keras's sake. The rate is at most `1 / sqrt(t)` in either case, there as here.

    Source: Shazeer and Stern, Adafactor: Adaptive Learning Rates with Sublinear Memory Cost, 2018.
    Differs: Keras's documentation says of `relative_step` that it turns that limit on, but its numbers don't.
    """

    slots = (("row", "column", "velocity"),)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 0.001,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        **common: Unpack[Options],
    ):
        super().__init__(learning_rate, **common)
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step

    def rule(self) -> GradientTransformationExtraArgs:
        """One pair, which gives steps."""
        return transforms.adafactor(self.beta_2_decay, self.epsilon_1, self.epsilon_2, self.clip_threshold)

    def new_slot(self, owner: Variable | None, field: str, value: Any) -> Variable:
        """Keras calls the two means as it calls the weight."""
        if owner is None or field not in ("row", "column"):
            return super().new_slot(owner, field, value)
        return self._variable(value, owner.name, path=(self.name,) if len(owner.shape) > 1 else ())


@algorithm
class Muon(Optimizer):
    """Momentum made orthogonal for the matrices of hidden layers, AdamW for all else.

    Args:
        learning_rate: a float, a schedule, or a function that returns it.
        adam_beta_1: how much of the average gradient stays, where Adam is used.
        adam_beta_2: the same for the average square.
        adam_weight_decay: weight decay where Adam is used.
        epsilon: added to Adam's root.
        weight_decay: weight decay of the matrices.
        exclude_layers: regular expressions; Adam is used where one is found in a variable's path, as it should be for
            the layer that makes the outputs.
        exclude_embeddings: whether Adam is used where "embedding" is in the path.
        muon_a: coefficient of x in the iterated polynomial.
        muon_b: coefficient of its cube.
        muon_c: coefficient of its fifth power.
        adam_lr_ratio: Adam's learning rate over Muon's.
        momentum: how much of the momentum stays at each update.
        ns_steps: how often the polynomial is iterated.
        nesterov: whether the momentum looks ahead.
        rms_rate: makes steps as large as Adam's usually are; None leaves them.

    Source: Jordan et al., Muon: An optimizer for hidden layers in neural networks, 2024; Liu et al., Muon is Scalable
    for LLM Training, 2025.
    """

    slots = (("momentum", "velocity"),)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        *,
        exclude_layers: list[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.775,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **common: Unpack[OptionsBesidesDecay],
    ):
        super().__init__(learning_rate, weight_decay=weight_decay, **common)
        self.adam_beta_1 = adam_beta_1
        self.adam_beta_2 = adam_beta_2
        self.adam_weight_decay = adam_weight_decay
        self.epsilon = epsilon
        self.exclude_layers = exclude_layers or []
        self.exclude_embeddings = exclude_embeddings
        self.muon_a = muon_a
        self.muon_b = muon_b
        self.muon_c = muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = momentum
        self.ns_steps = ns_steps
        self.nesterov = nesterov
        self.rms_rate = rms_rate

    def rule(self) -> GradientTransformationExtraArgs:
        """One chain for matrices, another for all else."""
        coefficients = (self.muon_a, self.muon_b, self.muon_c)
        muon = chain(
            accumulate(self.momentum, self.nesterov),
            transforms.orthogonalize(coefficients, self.ns_steps, self.rms_rate),
        )
        adam = chain(
            transforms.scale_by_adam(self.adam_beta_1, self.adam_beta_2, self.epsilon), optax.scale(self.adam_lr_ratio)
        )
        return chain(optax.masked(muon, self._mask(True)), optax.masked(adam, self._mask(False)), descend())

    def _mask(self, of_matrices: bool) -> Callable[[Any], dict[str, bool]]:
        matrices = {path: self.is_matrix(variable) for path, variable in self._owners().items()}
        return lambda weights: {path: matrices[path] is of_matrices for path in weights}

    def is_matrix(self, variable: Variable) -> bool:
        """Whether a variable is updated by Muon, not by Adam."""
        if variable.ndim != 2 or (self.exclude_embeddings and "embedding" in variable.path.lower()):
            return False
        return not any(re.search(pattern, variable.path) for pattern in self.exclude_layers)

    def weight_decay_of(self, variable: Variable) -> float | None:
        """The weight decay of one variable; Adam's have their own."""
        if self.is_matrix(variable):
            return super().weight_decay_of(variable)
        return None if self.is_excluded(variable) else self.adam_weight_decay


@algorithm
class ScheduleFreeAdamW(Optimizer):
    """Adam without a schedule: its mean over all steps is followed, and gradients are taken near the mean.

    Args:
        learning_rate: a float, a schedule, or a function that returns it.
        beta_1: how much of the mean is in the weights; the rest is the hidden sequence that Adam moves.
        beta_2: how much of the average square stays at each update.
        epsilon: added to the root, after the correction for bias.
        warmup_steps: over how many updates the rate grows to `learning_rate`.

    Raises:
        ArgumentError: a `beta_1` outside of (0, 1]: without the mean in the weights, it is lost.

    Source: Defazio et al., The Road Less Scheduled, 2024.
    Differs: each step has the same weight in the mean, whatever its rate. With `beta_1=0`, Keras's weights become NaN.
    """

    slots = _MOMENTS

    def __init__(
        self,
        learning_rate: Any = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
        **common: Unpack[Options],
    ):
        if not 0 < beta_1 <= 1:
            raise ArgumentError(f"ScheduleFreeAdamW: `beta_1` must be above 0 and at most 1, but got {beta_1}.")
        super().__init__(learning_rate, **common)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.warmup_steps = warmup_steps

    def rule(self) -> GradientTransformationExtraArgs:
        """One pair, which gives steps."""
        return transforms.schedule_free_adam(self.beta_1, self.beta_2, self.epsilon, self.warmup_steps)
