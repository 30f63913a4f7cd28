"""This checkout of plait against another one, on the same work, in turn: how the speed and the memory changed.

    git worktree add /tmp/before HEAD~10
    python benchmarks/against.py /tmp/before --only tiny,mlp,call1 --rounds 5

Each run is a process of its own; every other round the two go in the other order. A ratio is the other one's median
seconds over this one's: above 1, this one is faster. Memory is the most that a process held.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import click
from run import FEEDING, HERE, WORKLOADS, bare, environment, prepare, split


def measure(workload: str, source: Path, cache: str) -> tuple[float, float]:
    """Seconds and megabytes of a workload, with plait from a folder."""
    places = environment("plait", workload, cache) | {"PYTHONPATH": str(source)}
    if workload == "cold":
        subprocess.run(["rm", "-rf", f"{cache}/cold"], check=True)
    command = [sys.executable, str(HERE / "workloads.py"), workload, "plait", f"{cache}/{bare(workload)}.npz"]
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, env=places, stdout=output, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)  # so that Popen doesn't wait for it again
        output.seek(0)
        said = output.read().strip().splitlines() or ["no message"]
    if process.returncode:
        raise click.ClickException(f"{workload} with {source}: {said[-1][:300]}")
    return json.loads(said[-1])["seconds"], used.ru_maxrss / 1024


@click.command()
@click.argument("other", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--only", default=None, help="Workloads, separated by commas.")
@click.option("--rounds", default=3, show_default=True, help="How often each is measured.")
def main(other: Path, only: str | None, rounds: int) -> None:
    """Measures this checkout and OTHER in turn."""
    workloads = split(only, (*WORKLOADS, *FEEDING)) if only else list(WORKLOADS)
    sources = {"this": HERE.parent / "src", "other": other / "src"}
    print(f"{'':<18}{'other':>12}{'this':>12}{'ratio':>8}{'of best':>8}{'other MB':>10}{'this MB':>10}", flush=True)
    with tempfile.TemporaryDirectory() as cache:
        prepare(workloads, cache)
        for workload in workloads:
            found: dict[str, list[tuple[float, float]]] = {"other": [], "this": []}
            for number in range(rounds):
                for name in found if number % 2 == 0 else reversed(found):
                    found[name].append(measure(workload, sources[name], cache))
            before, after = ([seconds for seconds, _ in found[name]] for name in ("other", "this"))
            peaks = [statistics.median(peak for _, peak in found[name]) for name in ("other", "this")]
            ratio = statistics.median(before) / statistics.median(after)
            times = "".join(f"{statistics.median(one) * 1e3:>9.3f} ms" for one in (before, after))
            print(
                f"{workload:<18}{times}{ratio:>8.2f}{min(before) / min(after):>8.2f}{peaks[0]:>10.0f}{peaks[1]:>10.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
