"""plait and its peers on the same work, in turn, each in a process of its own, as ratios.

    python benchmarks/run.py --only tiny,mlp,predict1,import

Each workload is a function of `workloads.py` that runs in a child process for one library, and prints seconds a unit. A
round runs every library once; the table shows the median of the rounds, the range, and the ratio to plait.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import click

HERE = Path(__file__).parent
LIBRARIES = ("plait", "keras")


def measure(workload: str, library: str) -> dict:
    """Runs a workload for a library in a fresh process."""
    environment = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "PYTHONPATH": f"{HERE.parent / 'src'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
    }
    command = [sys.executable, str(HERE / "workloads.py"), workload, library]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise click.ClickException(f"{workload} on {library} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def show(seconds: float) -> str:
    """Seconds in the unit that reads best."""
    return (
        f"{seconds * 1e6:.0f} us"
        if seconds < 1e-3
        else f"{seconds * 1e3:.2f} ms"
        if seconds < 1
        else f"{seconds:.2f} s"
    )


@click.command()
@click.option("--only", default="tiny,mlp,predict1,call1,import", help="Workloads, separated by commas.")
@click.option("--rounds", default=3, help="How often each is run.")
@click.option("--libraries", default=",".join(LIBRARIES), help="Libraries, separated by commas.")
def main(only: str, rounds: int, libraries: str) -> None:
    """Runs workloads and prints a table."""
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, ",
        end="",
    )
    print(", ".join(f"{name} {version(name)}" for name in ("jax", "keras", "numpy")))
    print(f"{'workload':<12}{'library':<9}{'median':>12}{'range':>24}{'plait is':>12}")
    for workload in only.split(","):
        names = ["jax", "plait"] if workload == "import" else libraries.split(",")
        results: dict[str, list[dict]] = {name: [] for name in names}
        for _ in range(rounds):
            for name in names:
                results[name].append(measure(workload, name))
        ours = statistics.median(result["seconds"] for result in results["plait"])
        for name, found in results.items():
            times = [result["seconds"] for result in found]
            median = statistics.median(times)
            loss = f"  loss {found[-1]['loss']:.4f}" if "loss" in found[-1] else ""
            pairs = [result["seconds"] / result["plain"] for result in found if "plain" in result]
            loss += f"  {statistics.median(pairs) - 1:+.1%} to plain arrays" if pairs else ""
            loss += f"  peak {found[-1]['memory']:.2f} of the file" if "memory" in found[-1] else ""
            span = f"{show(min(times))} - {show(max(times))}"
            ratio = (
                ""
                if name == "plait"
                else f"{median / ours:.2f} x faster"
                if median >= ours
                else f"{ours / median:.2f} x slower"
            )
            print(f"{workload:<12}{name:<9}{show(median):>12}{span:>24}{ratio:>16}{loss}", flush=True)


if __name__ == "__main__":
    main()
