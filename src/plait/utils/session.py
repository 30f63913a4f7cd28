"""The session: names, the policy, the version."""

from plait._version import __version__
from plait.common.names import forget_names
from plait.common.settings import change_settings
from plait.random import forget_global_generator


def clear_session(free_memory: bool = True) -> None:
    """Starts automatic names again, and puts the dtype policy back.

    Args:
        free_memory: has no effect: memory is freed when nothing uses it.
    """
    forget_names()
    forget_global_generator()
    change_settings(dtype_policy=None)


def version() -> str:
    """The version of plait."""
    return __version__
