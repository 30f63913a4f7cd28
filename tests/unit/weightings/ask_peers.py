"""Asks TorchJD and LibMTL for their weightings of the same gradients and losses, and keeps the answers.

`python tests/unit/weightings/ask_peers.py`, in an environment with torch, torchjd, cvxpy, LibMTL and NumPy.
"""

import importlib
import importlib.metadata
import importlib.util
import json
import sys
import types
from pathlib import Path

import numpy as np
import torch
from torchjd import aggregation, scalarization

ANSWERS = Path(__file__).parents[2] / "answers" / "multitask_peers.json"
STEPS, TASKS, SIZE = 50, 3, 6


def gradients(step: int, tasks: int = TASKS) -> np.ndarray:
    """The gradients of a step: (tasks, SIZE), with conflicts, of different lengths."""
    rng = np.random.default_rng(step)
    return (rng.normal(size=(tasks, SIZE)) * np.array([1.0, 0.3, 3.0])[:tasks, None]).astype("float32")


def losses(step: int) -> np.ndarray:
    """The losses of a step, which fall at different rates."""
    rng = np.random.default_rng(1000 + step)
    return (np.array([2.0, 0.5, 5.0]) * np.exp(-step * np.array([0.02, 0.01, 0.05])) * rng.uniform(0.9, 1.1, 3)).astype(
        "float32"
    )


def aggregated(aggregator, tasks: int = TASKS) -> list:
    return [aggregator(torch.tensor(gradients(step, tasks))).detach().tolist() for step in range(STEPS)]


def slopes(scalarize, train=None, after=None) -> list:
    """The weights that a scalarization gives the losses of each step."""
    found = []
    for step in range(STEPS):
        values = torch.tensor(losses(step), requires_grad=True)
        total = scalarize(values)
        if train is not None:
            train.zero_grad()
        total.backward()
        found.append(values.grad.tolist())
        if train is not None:
            train.step()
        if after is not None:
            after(step)
    return found


def of_torchjd() -> dict:
    found = {
        "UPGrad": aggregated(aggregation.UPGrad()),
        "MGDA": aggregated(aggregation.MGDA(epsilon=1e-7, max_iters=20000)),
        "CAGrad": aggregated(aggregation.CAGrad(c=0.5)),
        "IMTLG": aggregated(aggregation.IMTLG()),
        "AlignedMTL": aggregated(aggregation.AlignedMTL()),
        "FairGrad": aggregated(aggregation.FairGrad(alpha=1.0)),
        "FairGrad 2": aggregated(aggregation.FairGrad(alpha=2.0)),
        "PCGrad": aggregated(aggregation.PCGrad(), tasks=2),
        "GradVac": aggregated(aggregation.GradVac(), tasks=2),
    }
    nash = [aggregation.NashMTL(n_tasks=TASKS, max_norm=1.0, optim_niter=100) for _ in range(STEPS)]
    found["NashMTL"] = [one(torch.tensor(gradients(step))).tolist() for step, one in enumerate(nash)]
    uncertain, scaled = scalarization.UW(TASKS), scalarization.IMTLL(TASKS)
    found["Uncertainty"] = slopes(uncertain, torch.optim.Adam(uncertain.parameters(), lr=1e-2))
    found["IMTLL"] = slopes(scaled, torch.optim.Adam(scaled.parameters(), lr=1e-2))
    found["GLS"] = slopes(scalarization.GeometricMean())
    average = scalarization.DWA()
    found["DWA"] = slopes(average, after=lambda step: average.step() if step % 10 == 9 else None)
    famous = scalarization.FAMO(TASKS)
    found["FAMO"] = slopes(famous, after=lambda step: famous.update(torch.tensor(losses(step + 1))))
    return found


def of_libmtl() -> dict:
    """LibMTL's own classes, given these gradients in place of those of an encoder."""
    folder = Path(importlib.util.find_spec("LibMTL").origin).parent
    for name in ("LibMTL", "LibMTL.weighting"):  # without the parts of it that need torchvision
        package = types.ModuleType(name)
        package.__path__ = [str(folder.joinpath(*name.split(".")[1:]))]
        sys.modules[name] = package
    cases = {"GradNorm": {"alpha": 1.5}, "CAGrad": {"calpha": 0.5, "rescale": 1}, "MGDA": {"mgda_gn": "none"}}
    return {
        name: _run(getattr(importlib.import_module(f"LibMTL.weighting.{name}"), name), options)
        for name, options in cases.items()
    }


def _run(cls: type, options: dict) -> list:
    weighting, kept = cls(), []
    weighting.task_num, weighting.rep_grad, weighting.epoch, weighting.device = TASKS, False, 1, torch.device("cpu")
    weighting.train_loss_buffer = losses(0).reshape(TASKS, 1)
    weighting.init_param()
    weighting._compute_grad_dim = lambda: None
    weighting._reset_grad = lambda new: kept.append(new.tolist())
    weighting._backward_new_grads = lambda weights, grads: kept.append((weights @ grads).tolist())
    scales = list(weighting.parameters())
    train = torch.optim.Adam(scales, lr=1e-2) if scales else None
    for step in range(STEPS):
        weighting._compute_grad = lambda *_, step=step, **__: torch.tensor(gradients(step))
        weighting._get_grads = weighting._compute_grad
        if train is not None:
            train.zero_grad()
        weighting.backward(torch.tensor(losses(step), requires_grad=True), **options)
        if train is not None:
            train.step()
    return kept


def main() -> None:
    """Writes the answers."""
    versions = {
        "torch": torch.__version__,
        "torchjd": importlib.metadata.version("torchjd"),
        "LibMTL": importlib.metadata.version("LibMTL"),
    }
    kept = {"versions": versions, "torchjd": of_torchjd(), "LibMTL": of_libmtl()}
    ANSWERS.write_text(json.dumps(kept, indent=None).replace("], [[", "],\n[[") + "\n")


if __name__ == "__main__":
    main()
