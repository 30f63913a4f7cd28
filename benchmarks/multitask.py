"""Four tasks on a convolutional trunk: a step with each weighting, beside a plain one, and beside TorchJD where it is there.

    python benchmarks/multitask.py                       plait: plain steps, weightings at features and at weights, a mixture
    PEERS/bin/python benchmarks/multitask.py torchjd     the same work on PyTorch, in an environment with torch and torchjd

It prints milliseconds a step, the least of several epochs; run one after the other on a machine that does nothing else.
"""

import sys
import time

import numpy as np

BATCH, STEPS, TASKS, FILTERS = 64, 8, 4, (16, 32, 64)
ROUNDS = 3


def data() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Pictures, and a number for each task."""
    rng = np.random.default_rng(0)
    rows = BATCH * STEPS
    labels = {f"task{task}": rng.normal(size=(rows, 1)).astype("float32") for task in range(TASKS)}
    return rng.normal(size=(rows, 32, 32, 3)).astype("float32"), labels


def least(work: dict) -> None:
    """Runs each piece of work in turn, and prints the least time of a step."""
    for run in work.values():
        run()
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(ROUNDS):
        for name, run in work.items():
            began = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - began) / STEPS * 1e3)
    plain = min(times["plain"])
    for name, taken in times.items():
        print(f"{name:24s} {min(taken):8.2f} ms a step  {min(taken) / plain:5.2f} of a plain one")


def of_plait() -> None:
    """plait's weightings, and a mixture whose steps are of one task each."""
    import plait
    from plait import layers, multitask

    x, y = data()

    def model(weights: object = None) -> plait.Model:
        inputs = plait.Input((32, 32, 3))
        h = inputs
        for filters in FILTERS:
            h = layers.MaxPooling2D()(layers.Conv2D(filters, 3, padding="same", activation="relu")(h))
        h = layers.Dense(64, activation="relu")(layers.Flatten()(h))
        built = plait.Model(inputs, {name: layers.Dense(1)(layers.Dense(32, activation="relu")(h)) for name in y})
        built.compile("adam", "mse", loss_weights=weights)
        return built

    def epoch(built: plait.Model, *batch: object) -> object:
        return lambda: built.fit(*batch, batch_size=BATCH, verbose=0)

    work = {"plain": epoch(model(), x, y), "Uncertainty": epoch(model(multitask.Uncertainty()), x, y)}
    for name in ("MGDA", "PCGrad", "NashMTL", "UPGrad", "IMTLG"):
        for at in ("features", "weights"):
            work[f"{name} at {at}"] = epoch(model(getattr(multitask, name)(at=at)), x, y)
    quarter = len(x) // TASKS
    sets = {name: (x[:quarter], values[:quarter]) for name, values in y.items()}
    work["a mixture of all"] = epoch(model(), multitask.Mixture(sets))
    least(work)


def of_torchjd() -> None:
    """TorchJD's aggregators: on the shared weights, as its `mtl_backward` does it."""
    import torch
    from torchjd import aggregation
    from torchjd.autojac import jac_to_grad, mtl_backward

    x, y = data()
    pictures = torch.tensor(x).permute(0, 3, 1, 2).contiguous()
    labels = [torch.tensor(values) for values in y.values()]

    def epoch(aggregator: object = None) -> object:
        parts, channels = [], 3
        for filters in FILTERS:
            parts += [torch.nn.Conv2d(channels, filters, 3, padding="same"), torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
            channels = filters
        trunk = torch.nn.Sequential(*parts, torch.nn.Flatten(), torch.nn.Linear(16 * channels, 64), torch.nn.ReLU())
        heads = [torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 1)) for _ in labels]
        weights = [*trunk.parameters(), *(weight for head in heads for weight in head.parameters())]
        optimizer = torch.optim.Adam(weights)

        def run() -> None:
            for step in range(STEPS):
                rows = slice(step * BATCH, step * BATCH + BATCH)
                features = trunk(pictures[rows])
                pairs = zip(heads, labels, strict=True)
                losses = [torch.nn.functional.mse_loss(head(features), values[rows]) for head, values in pairs]
                optimizer.zero_grad()
                if aggregator is None:
                    torch.stack(losses).sum().backward()
                else:
                    mtl_backward(losses, features=features)
                    jac_to_grad(trunk.parameters(), aggregator)
                optimizer.step()

        return run

    work = {"plain": epoch()}
    for name in ("MGDA", "PCGrad", "UPGrad", "IMTLG"):
        work[name] = epoch(getattr(aggregation, name)())
    work["NashMTL"] = epoch(aggregation.NashMTL(n_tasks=TASKS))
    least(work)


if __name__ == "__main__":
    of_torchjd() if "torchjd" in sys.argv[1:] else of_plait()
