"""What can be set once for a whole program: one frozen dataclass, replaced as a whole.

The public face is `plait.config`. Settings differ from the `Scope`: a scope lasts for one `with` block, a
setting until it is set again.
"""

import dataclasses

from plait.common.messages import did_you_mean, listing
from plait.errors import ArgumentError, NameUnknownError


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings of a program.

    Attributes:
        floatx: dtype of weights and inputs where none is given.
        epsilon: the small number that keeps divisions and logarithms finite, in losses and metrics.
        image_data_format: where images carry their channels, if a layer isn't told.
        dtype_policy: name of the policy of layers that have none of their own; None follows `floatx`.
        interactive_logging: whether progress goes to the terminal (else to `logging`).
        traceback_filtering: kept for scripts that set it; plait's tracebacks are short as they are.
        trains_as_compiled: whether a model that was frozen as a whole after `compile` trains what was trainable then, as before
            Keras 3; programs under the import hook may be written for it.
        max_epochs: upper limit on the epochs of any fit, for quick trials of long scripts.
        max_steps_per_epoch: the same for the steps of an epoch.
    """

    floatx: str = "float32"
    epsilon: float = 1e-7
    image_data_format: str = "channels_last"
    dtype_policy: str | None = None
    interactive_logging: bool = True
    traceback_filtering: bool = True
    flash_attention: bool | None = None
    trains_as_compiled: bool = False
    max_epochs: int | None = None
    max_steps_per_epoch: int | None = None


_settings = Settings()

_CHOICES = {
    "floatx": ("bfloat16", "float16", "float32", "float64"),
    "image_data_format": ("channels_last", "channels_first"),
}


def settings() -> Settings:
    """The settings in force."""
    return _settings


def change_settings(**changes) -> None:
    """Replaces some settings for the rest of the program.

    Raises:
        NameUnknownError: a setting, or a choice of one, that does not exist.
    """
    global _settings
    fields = {field.name for field in dataclasses.fields(Settings)}
    for name, value in changes.items():
        if name not in fields:
            raise NameUnknownError(f"plait.config: no setting is called {name!r}.{did_you_mean(name, fields)}")
        choices = _CHOICES.get(name)
        if choices and value not in choices:
            hint = did_you_mean(value, choices)
            raise NameUnknownError(f"plait.config: {name} must be one of {listing(choices)}, but got {value!r}.{hint}")
        if name == "epsilon" and not (isinstance(value, (int, float)) and value > 0):
            raise ArgumentError(f"plait.config: epsilon must be a positive number, but got {value!r}.")
    _settings = dataclasses.replace(_settings, **changes)


def reset_settings() -> None:
    """Puts every setting back to its default; `clear_session` does so for the dtype policy only."""
    global _settings
    _settings = Settings()
