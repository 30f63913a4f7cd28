"""Connectionist temporal classification: labels for a sequence without knowing where in it each one stands.

At each time step there is a label or the blank. A path of such becomes a labelling by merging repeats and then removing
blanks. The loss is -log of the probability of all paths of the right labelling; decoding looks for a likely labelling.

Letters: B batch, T time, C classes (the blank among them), S labels of a sequence.
Source: Graves et al., "Connectionist Temporal Classification", 2006; Graves, "Supervised Sequence Labelling", 2012.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from plait.common.messages import did_you_mean
from plait.core.op import op
from plait.core.variable import convert_to_tensor
from plait.errors import NameUnknownError
from plait.ops.operands import floating

_NN = "keras.src.ops.nn"
_IMPOSSIBLE = -1e5  # a logarithm for what cannot happen: small enough, and its gradient is finite


@op(module=_NN, name="CTCLoss", options=("mask_index",))
def ctc_loss(target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0) -> Any:
    """-log of the probability of the right labels.

    Args:
        target: (B, S): labels; what is after a sequence's length doesn't count.
        output: (B, T, C): logits.
        target_length: (B,).
        output_length: (B,).
        mask_index: the class that is the blank.

    Returns:
        (B,). Labels that don't fit into the time give a very large number.

    >>> round(float(ctc_loss([[1]], jnp.zeros((1, 1, 2)), [1], [1])[0]), 4)
    0.6931
    """
    target, output = convert_to_tensor(target).astype("int32"), _exact(output)
    target_length, output_length = (convert_to_tensor(n).astype("int32") for n in (target_length, output_length))
    states = jnp.full((target.shape[0], 2 * target.shape[1] + 1), mask_index, "int32").at[:, 1::2].set(target)
    emissions = jnp.take_along_axis(jax.nn.log_softmax(output), states[:, None, :], axis=2)  # (B, T, 2S+1)
    before_last = jnp.pad(states, ((0, 0), (2, 0)), constant_values=mask_index)[:, :-2]
    may_skip = (states != mask_index) & (states != before_last)

    def step(paths: Any, now: tuple) -> tuple[Any, None]:
        emission, time = now
        after = emission + _reached(paths, may_skip)
        return jnp.where((time < output_length)[:, None], after, paths), None

    start = jnp.full(states.shape, _IMPOSSIBLE, emissions.dtype).at[:, :2].set(emissions[:, 0, :2])
    later = (jnp.swapaxes(emissions, 0, 1)[1:], jnp.arange(1, output.shape[1]))
    paths, _ = jax.lax.scan(step, start, later)
    return -_ends(paths, target_length)


def _exact(x: Any) -> Any:
    """Logits in a dtype that keeps sums of logarithms exact."""
    x = floating(x)
    return x.astype(jnp.promote_types(x.dtype, "float32"))


def _reached(paths: Any, may_skip: Any) -> Any:
    """The logarithms of the probabilities to come to each state: from itself, the one before, or over a blank."""
    from_before = jnp.pad(paths, ((0, 0), (1, 0)), constant_values=_IMPOSSIBLE)[:, :-1]
    from_skip = jnp.pad(paths, ((0, 0), (2, 0)), constant_values=_IMPOSSIBLE)[:, :-2]
    reached = jnp.logaddexp(paths, from_before)
    return jnp.where(may_skip, jnp.logaddexp(reached, from_skip), reached)


def _ends(paths: Any, target_length: Any) -> Any:
    """A path ends at the last label, or at the blank after it."""
    blank = jnp.take_along_axis(paths, 2 * target_length[:, None], axis=1)[:, 0]
    label = jnp.take_along_axis(paths, jnp.maximum(2 * target_length - 1, 0)[:, None], axis=1)[:, 0]
    return jnp.where(target_length > 0, jnp.logaddexp(blank, label), blank)


@op(module=_NN, name="CTCDecode", options=("strategy", "beam_width", "top_paths", "merge_repeated", "mask_index"))
def ctc_decode(
    inputs: Any,
    sequence_lengths: Any,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> tuple[Any, Any]:
    """Likely labels.

    Args:
        inputs: (B, T, C): logits.
        sequence_lengths: (B,): how much of the time counts.
        strategy: "greedy" takes the best class at each step; "beam_search" keeps the best labellings so far.
        beam_width: how many of them it keeps.
        top_paths: how many of them to return.
        merge_repeated: whether greedy decoding merges repeats.
        mask_index: the class that is the blank.

    Returns:
        labels (paths, B, T), filled up with -1, and their scores: (B, 1), minus the sum of the best logits, for
        "greedy", (B, paths), the logarithms of the probabilities, for "beam_search".

    Raises:
        NameUnknownError: another strategy.

    >>> ctc_decode(jnp.array([[[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]]]), [3])[0].tolist()
    [[[1, -1, -1]]]
    """
    inputs, lengths = _exact(inputs), convert_to_tensor(sequence_lengths).astype("int32")
    if strategy == "greedy":
        return _decode_greedily(inputs, lengths, merge_repeated, mask_index)
    if strategy == "beam_search":
        return _search(jax.nn.log_softmax(inputs), lengths, beam_width, top_paths, mask_index)
    hint = did_you_mean(strategy, ("greedy", "beam_search"))
    raise NameUnknownError(f"ctc_decode: `strategy` must be 'greedy' or 'beam_search', but got {strategy!r}.{hint}")


def _decode_greedily(inputs: Any, lengths: Any, merge_repeated: bool, mask_index: int) -> tuple[Any, Any]:
    best = jnp.argmax(inputs, axis=-1).astype("int32")
    counts = jnp.arange(inputs.shape[1])[None] < lengths[:, None]
    scores = -jnp.sum(jnp.where(counts, jnp.max(inputs, axis=-1), 0), axis=1, keepdims=True)
    kept = counts & (best != mask_index)
    if merge_repeated:
        kept &= jnp.pad(best[:, 1:] != best[:, :-1], ((0, 0), (1, 0)), constant_values=True)
    order = jnp.argsort(~kept, axis=1, stable=True)  # moves what is kept to the front
    labels = jnp.take_along_axis(jnp.where(kept, best, -1), order, axis=1)
    return labels[None], scores


class _Beam(NamedTuple):
    """The best labellings so far, W of them. Two hashes tell labellings apart without comparing them.

    Attributes:
        labels: (W, T), filled up with -1.
        length: (W,).
        ends_blank: (W,): log probability of the paths that end with the blank.
        ends_label: (W,): log probability of those that end with the last label.
        code: (W, 2): hashes of the labels.
        parent: (W, 2): hashes of the labels without the last.
    """

    labels: Any
    length: Any
    ends_blank: Any
    ends_label: Any
    code: Any
    parent: Any


_PRIMES = (1000003, 16777619)


def _search(log_probabilities: Any, lengths: Any, width: int, top_paths: int, blank: int) -> tuple[Any, Any]:
    """Prefix beam search: the probability of a labelling is that of all its paths that were kept."""
    time, classes = log_probabilities.shape[1:]
    lowest = -jnp.inf

    def decode(steps: Any, length: Any) -> tuple[Any, Any]:
        first = jnp.arange(width) == 0
        seeds = jnp.stack([jnp.arange(width), jnp.arange(width)], axis=1).astype("uint32")
        beam = _Beam(
            labels=jnp.full((width, time), -1, "int32"),
            length=jnp.zeros(width, "int32"),
            ends_blank=jnp.where(first, 0.0, lowest).astype(steps.dtype),
            ends_label=jnp.full(width, lowest, steps.dtype),
            code=seeds,
            parent=jnp.full((width, 2), 2**32 - 1, "uint32"),
        )

        def step(beam: _Beam, now: tuple) -> tuple[_Beam, None]:
            emission, index = now
            after = _extend(beam, emission, width, classes, blank)
            return jax.tree.map(lambda new, old: jnp.where(index < length, new, old), after, beam), None

        beam, _ = jax.lax.scan(step, beam, (steps, jnp.arange(time)))
        scores, best = jax.lax.top_k(jnp.logaddexp(beam.ends_blank, beam.ends_label), top_paths)
        return beam.labels[best], scores

    labels, scores = jax.vmap(decode)(log_probabilities, lengths)
    return jnp.swapaxes(labels, 0, 1), scores


def _extend(beam: _Beam, emission: Any, width: int, classes: int, blank: int) -> _Beam:
    """One time step: each labelling stays as it is or gets one more label, and the best are kept."""
    total = jnp.logaddexp(beam.ends_blank, beam.ends_label)
    last = jnp.take_along_axis(beam.labels, jnp.maximum(beam.length - 1, 0)[:, None], axis=1)[:, 0]
    every = jnp.arange(classes)
    repeats = every[None] == jnp.where(beam.length > 0, last, -1)[:, None]
    longer = jnp.where(repeats, beam.ends_blank[:, None], total[:, None]) + emission[None]  # (W, C)
    longer = jnp.where(every[None] == blank, -jnp.inf, longer)
    stays_blank = total + emission[blank]
    stays_label = jnp.where(beam.length > 0, beam.ends_label + emission[last], -jnp.inf)
    # A labelling in the beam that is another one plus a label: what would extend the other counts here.
    alive = (beam.length > 0) & jnp.isfinite(total)
    is_parent = jnp.all(beam.parent[:, None] == beam.code[None], axis=-1) & alive[:, None]
    gained = jnp.where(is_parent, longer[:, last].T, -jnp.inf)  # [child, parent]
    stays_label = jnp.logaddexp(stays_label, jax.nn.logsumexp(gained, axis=1))
    taken = jnp.any(is_parent[:, :, None] & (last[:, None, None] == every[None, None]), axis=0)
    longer = jnp.where(taken, -jnp.inf, longer)
    return _keep_best(beam, stays_blank, stays_label, longer, width, classes)


def _keep_best(beam: _Beam, stays_blank: Any, stays_label: Any, longer: Any, width: int, classes: int) -> _Beam:
    stays = jnp.logaddexp(stays_blank, stays_label)
    _, best = jax.lax.top_k(jnp.concatenate([stays, longer.ravel()]), width)
    grows = best >= width
    source = jnp.where(grows, (best - width) // classes, best)
    label = ((best - width) % classes).astype("int32")
    place = jnp.arange(beam.labels.shape[1])[None] == beam.length[source][:, None]
    code = beam.code[source]
    grown = code * jnp.asarray(_PRIMES, "uint32") + (label + 1)[:, None].astype("uint32")
    return _Beam(
        labels=jnp.where(grows[:, None] & place, label[:, None], beam.labels[source]),
        length=beam.length[source] + grows,
        ends_blank=jnp.where(grows, -jnp.inf, stays_blank[source]),
        ends_label=jnp.where(grows, longer.ravel()[jnp.maximum(best - width, 0)], stays_label[source]),
        code=jnp.where(grows[:, None], grown, code),
        parent=jnp.where(grows[:, None], code, beam.parent[source]),
    )
