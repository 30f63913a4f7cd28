"""Settings of the whole program: `plait.config.set_floatx("bfloat16")` and so on."""

from typing import Any

from plait.common.policies import DTypePolicy, policy, set_policy
from plait.common.settings import change_settings, settings
from plait.common.watched import mark_edit
from plait.errors import ArgumentError

__all__ = [
    "backend",
    "disable_flash_attention",
    "disable_interactive_logging",
    "disable_traceback_filtering",
    "dtype_policy",
    "enable_flash_attention",
    "enable_interactive_logging",
    "enable_traceback_filtering",
    "enable_unsafe_deserialization",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_flash_attention_enabled",
    "is_interactive_logging_enabled",
    "is_nnx_enabled",
    "is_traceback_filtering_enabled",
    "max_epochs",
    "max_steps_per_epoch",
    "set_backend",
    "set_dtype_policy",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_max_epochs",
    "set_max_steps_per_epoch",
]


def _change(**changes: Any) -> None:
    """Changes settings, for programs that were compiled with others too."""
    change_settings(**changes)
    mark_edit()


def backend() -> str:
    """The engine: always "jax"."""
    return "jax"


def set_backend(backend: str) -> None:
    """Accepts "jax".

    Raises:
        ArgumentError: another engine.
    """
    if backend != "jax":
        raise ArgumentError(f"plait has one engine, 'jax', but got {backend!r}.")


def floatx() -> str:
    """The dtype of weights and inputs where none is given."""
    return settings().floatx


def set_floatx(value: str) -> None:
    """Sets the dtype of weights and inputs where none is given."""
    _change(floatx=value)


def epsilon() -> float:
    """The small number that keeps divisions and logarithms finite."""
    return settings().epsilon


def set_epsilon(value: float) -> None:
    """Sets that number."""
    _change(epsilon=value)


def image_data_format() -> str:
    """Where images carry their channels, if a layer isn't told."""
    return settings().image_data_format


def set_image_data_format(data_format: str) -> None:
    """Sets where: "channels_last" or "channels_first"."""
    _change(image_data_format=data_format)


def dtype_policy() -> DTypePolicy:
    """The policy of layers that have none of their own."""
    return policy()


def set_dtype_policy(policy: Any) -> None:
    """Sets it: a dtype, "mixed_bfloat16", "mixed_float16", or a policy."""
    set_policy(policy)


def max_epochs() -> int | None:
    """The upper limit on the epochs of any fit."""
    return settings().max_epochs


def set_max_epochs(max_epochs: int | None) -> None:
    """Sets it, for quick trials of long scripts."""
    _change(max_epochs=max_epochs)


def max_steps_per_epoch() -> int | None:
    """The upper limit on the steps of any epoch."""
    return settings().max_steps_per_epoch


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Sets it."""
    _change(max_steps_per_epoch=max_steps_per_epoch)


def enable_interactive_logging() -> None:
    """Sends progress to the terminal."""
    _change(interactive_logging=True)


def disable_interactive_logging() -> None:
    """Sends progress to `logging`, as lines of the logger "plait"."""
    _change(interactive_logging=False)


def is_interactive_logging_enabled() -> bool:
    """Whether progress goes to the terminal."""
    return settings().interactive_logging


def enable_traceback_filtering() -> None:
    """Kept for scripts that call it."""
    _change(traceback_filtering=True)


def disable_traceback_filtering() -> None:
    """Kept for scripts that call it."""
    _change(traceback_filtering=False)


def is_traceback_filtering_enabled() -> bool:
    """What was set."""
    return settings().traceback_filtering


def enable_unsafe_deserialization() -> None:
    """Kept for scripts that call it: code in files is never run, whatever is set."""


def enable_flash_attention() -> None:
    """Lets attention use a fused kernel where there is one."""
    _change(flash_attention=True)


def disable_flash_attention() -> None:
    """Keeps attention from using a fused kernel."""
    _change(flash_attention=False)


def is_flash_attention_enabled() -> bool | None:
    """What was set; None leaves it to XLA."""
    return settings().flash_attention


def is_nnx_enabled() -> bool:
    """Whether variables are Flax's: never."""
    return False
