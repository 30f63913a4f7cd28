"""What stands in for `tensorflow.GradientTape`: a name that says what to do instead.

A tape records operations as they are done. JAX, and so plait, takes gradients of functions: what has been computed
is a number that no longer knows where it came from. A stand-in could only guess, so there is none.
"""

from typing import Any

from plait._errors import StateError


class GradientTape:
    """Refuses to record.

    Raises:
        StateError: always, with what to use instead.
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True):
        raise StateError(
            "tf.GradientTape: plait takes gradients of functions and cannot record what has been done. Put the forward pass "
            "and the loss into a function and use jax.value_and_grad of it: with model.stateless_call for a model, or "
            "override train_step or compute_loss and call fit. See docs/compat.md."
        )

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing to end."""
