"""From times to medians, ratios, checks, a table and a picture; nothing here runs anything."""

import statistics
from pathlib import Path

KERAS = ("keras", "keras-tf", "keras-torch", "nightly", "nightly-x16", "nightly-x64")
TITLES = {
    "plait": "plait",
    "keras": "Keras/JAX",
    "keras-tf": "Keras/TF",
    "keras-torch": "Keras/torch",
    "nightly": "nightly",
    "torch": "PyTorch",
    "jax": "JAX+Optax",
}

# What plait is to be: so many times as fast as the best Keras peer, and as PyTorch by hand. Of `import`, as JAX.
AIMS: dict[str, tuple[float, float | None]] = {
    "tiny": (3, 8),
    "mlp": (1.2, 1.2),
    "cnn": (1.4, 1.2),
    "resnet": (1, None),
    "lstm": (1.5, 1),
    "gru": (1.4, 1),
    "bilstm": (1.4, 1),
    "transformer": (1.4, 1.1),
    "depthwise": (1.2, None),
    "multiio": (2, None),
    "predict1": (10, None),
    "call1": (10, None),
    "cold": (1.2, None),
    "warm": (4, None),
    "build": (2, None),
}
INFERENCE = (1.2, 1.0)


def summary(results: dict[str, list[dict]], limit: float | None = None, tolerance: float = 0.02) -> dict:
    """One workload's row.

    Args:
        results: what each peer's rounds gave: `{"seconds": ..., "loss": ...}`, or `{"failed": why}`.
        limit: the least seconds possible.
        tolerance: how far a loss may be from the oracle's, relative.
    """
    peers = {name: spread(rounds) for name, rounds in results.items()}
    done = {name: peer for name, peer in peers.items() if "median" in peer}
    row = {"peers": peers, "limit": limit, "ratios": {}, "best_keras": None}
    best = min((name for name in KERAS if name in done), key=lambda name: done[name]["median"], default=None)
    row["best_keras"] = best
    row["disagree"] = disagreements(done, tolerance)
    if "plait" in done:
        ours = done["plait"]["median"]
        row["ratios"] = {name: peer["median"] / ours for name, peer in done.items() if name != "plait"}
        row["x_best_keras"] = row["ratios"][best] if best else None
        row["share_of_limit"] = limit / ours if limit else None
    return row


def spread(rounds: list[dict]) -> dict:
    """Median, range, number of rounds and the loss; or why there is none."""
    times = [found["seconds"] for found in rounds if "seconds" in found]
    if not times:
        return {"failed": rounds[-1]["failed"] if rounds else "not run"}
    losses = [found["loss"] for found in rounds if "loss" in found]
    peaks = [found["memory"] for found in rounds if "memory" in found]
    return {
        **({"memory": statistics.median(peaks)} if peaks else {}),
        "median": statistics.median(times),
        "low": min(times),
        "high": max(times),
        "rounds": len(times),
        **({"loss": statistics.median(losses)} if losses else {}),
    }


def disagreements(done: dict[str, dict], tolerance: float) -> dict[str, float]:
    """The peers whose loss isn't the oracle's (Keras on JAX; without it plait's), and by how much."""
    oracle = next((done[name]["loss"] for name in ("keras", "plait") if "loss" in done.get(name, {})), None)
    if oracle is None:
        return {}
    apart = {name: abs(peer["loss"] / oracle - 1) for name, peer in done.items() if "loss" in peer}
    # `not <=`, so that a loss which isn't a number is found too
    return {name: amount for name, amount in apart.items() if not amount <= tolerance}


def show(seconds: float) -> str:
    """Seconds in the unit that reads best."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} us"
    return f"{seconds * 1e3:.3g} ms" if seconds < 0.9995 else f"{seconds:.2f} s"


def cell(row: dict, name: str) -> str:
    """A peer's median and range; of the nightly's variants the best one."""
    peers, label = row["peers"], ""
    if name == "nightly":
        variants = [one for one in peers if one.startswith("nightly") and "median" in peers[one]]
        name = min(variants, key=lambda one: peers[one]["median"], default=name)
        label = f" ({name.partition('-')[2]})" if "-" in name else ""
    peer = peers.get(name)
    if peer is None:
        return ""
    if "median" not in peer:
        return "failed" if peer["failed"] != "not run" else "not run"
    loss = " (!)" if name in row["disagree"] else ""
    return f"{show(peer['median'])} [{show(peer['low'])}-{show(peer['high'])}]{label}{loss}"


def markdown(report: dict) -> str:
    """The whole report as Markdown."""
    rows, names = report["rows"], list(TITLES)
    lines = [f"# Benchmark of {report['date']}", "", report["machine"], "", report["packages"], ""]
    lines += [
        "Median [range]. Ratios above 1: plait is faster. Limit: operations or bytes over this machine's measured",
        "",
    ]
    lines[-2] += f" speed ({report['speed']})."
    head = ["workload", "rounds", *(TITLES[name] for name in names), "limit"]
    head += ["x best Keras", "x PyTorch", "aims", "of limit"]
    lines += ["| " + " | ".join(head) + " |", "| --- |" + " --: |" * (len(head) - 1)]
    for workload, row in rows.items():
        rounds = min((peer["rounds"] for peer in row["peers"].values() if "rounds" in peer), default=0)
        cells = [
            workload,
            str(rounds),
            *(cell(row, name) for name in names),
            show(row["limit"]) if row["limit"] else "",
        ]
        cells += [times(row.get("x_best_keras")), times(row["ratios"].get("torch"))]
        cells.append("; ".join(f"{aim:g}" for aim in aims_of(workload) if aim is not None))
        cells.append(f"{row['share_of_limit']:.0%}" if row.get("share_of_limit") else "")
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", *notes(report)]
    return "\n".join(lines) + "\n"


def aims_of(workload: str) -> tuple:
    """What the two ratios are to be; None where nothing was set."""
    return AIMS.get(workload, INFERENCE if workload.startswith("infer-") else (None, None))


def missed(report: dict) -> list[str]:
    """The ratios below their aims."""
    found = []
    for workload, row in report["rows"].items():
        ratios = row.get("x_best_keras"), row["ratios"].get("torch")
        for ratio, aim, peer in zip(ratios, aims_of(workload), ("best Keras", "PyTorch"), strict=True):
            if ratio is not None and aim is not None and ratio < aim:
                found.append(f"{workload} {ratio:.2f} x {peer} (aim {aim:g})")
    return found


def times(ratio: float | None) -> str:
    """A ratio, or nothing."""
    return "" if ratio is None else f"{ratio:.2f}"


def notes(report: dict) -> list[str]:
    """What was left out, what failed, and whose loss isn't the oracle's."""
    lines = [f"- Below its aim: {one}." for one in missed(report)]
    lines += [f"- Left out: {one}." for one in report["left_out"]]
    for workload, row in report["rows"].items():
        lines += [
            f"- {workload} on {n}: {p['failed']}"
            for n, p in row["peers"].items()
            if p.get("failed", "not run") != "not run"
        ]
        lines += [
            f"- {workload} on {n}: {p['memory']:.2f} of the file at the peak of memory."
            for n, p in row["peers"].items()
            if "memory" in p
        ]
        lines += [
            f"- (!) {workload} on {n}: the loss is {a:.1%} from the oracle's." for n, a in row["disagree"].items()
        ]
    checked = [name for name, row in report["rows"].items() if any("loss" in p for p in row["peers"].values())]
    if checked:
        lines.append(
            f"- Losses after the run were compared with Keras/JAX's, from equal weights: {', '.join(checked)}."
        )
    return lines


def picture(report: dict, path: Path) -> None:
    """Bars of how many times as fast plait is, a workload a group, as SVG."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot as plt

    shown = {name: row for name, row in report["rows"].items() if row["ratios"]}
    names = [name for name in TITLES if name != "plait" and any(name in row["ratios"] for row in shown.values())]
    figure, axes = plt.subplots(figsize=(9, 1.5 + 0.16 * (len(names) + 1) * max(len(shown), 1)), layout="constrained")
    height = 0.85 / max(len(names), 1)
    for index, name in enumerate(names):
        places = [place + index * height for place, row in enumerate(shown.values()) if name in row["ratios"]]
        ratios = [row["ratios"][name] for row in shown.values() if name in row["ratios"]]
        axes.barh(places, ratios, height, label=TITLES[name], left=0)
    axes.set_yticks([place + 0.4 for place in range(len(shown))], list(shown))
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.invert_yaxis()
    axes.set_xlabel("times as long as plait takes (right of 1: plait is faster)")
    axes.legend(loc="lower right", fontsize="small")
    figure.savefig(path, format="svg", metadata={"Date": None})
    plt.close(figure)
