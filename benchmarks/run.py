"""plait and its peers on the same work, in turn, each in a process of its own, as ratios.

    python benchmarks/run.py                    all workloads, 3 rounds
    python benchmarks/run.py --quick            as many rounds as 14 minutes allow, and says what is left out
    python benchmarks/run.py --only tiny,mlp --peers plait,keras,torch --rounds 5
    python benchmarks/run.py --only backup      what backups cost, and a resume

A round runs every workload, and for each all peers in turn. The environments of other engines are made by `make
bench-peers`; peers without one are left out, and the table says so. It writes benchmarks/results/DATE.json, .md and .svg.
"""

import datetime
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click
from limits import least_seconds, machine
from networks import WORKS
from report import markdown, picture, show, summary

HERE = Path(__file__).parent
PLACE = HERE.parent / ".cache" / "peers"
ENVIRONMENTS = {"keras-tf": "tensorflow", "keras-torch": "torch", "torch": "torch", "nightly": "nightly"}
BACKENDS = {"keras-tf": "tensorflow", "keras-torch": "torch"}
PEERS = ("plait", "keras", "keras-tf", "keras-torch", "nightly", "torch", "jax")
KERAS = ("plait", "keras", "keras-tf", "keras-torch", "nightly")
FEEDING = ("callbacks", "generator", "pydataset")
SMALL = (
    "tiny",
    "mlp",
)  # where the nightly runs with 1, 16 and 64 steps a dispatch; with more than 1 the others take minutes
SINGLE = ("multiio", "predict1", "call1", "build", "save", "load", "cold", "warm", "import", "transfer")
WORKLOADS = (*WORKS, *(f"infer-{name}" for name in WORKS), *SINGLE)
SECONDS = 240  # what one process may take
# Without the last one, Python would compile plait's source in each process, and no package that pip has compiled.
_NOT_OURS = ("JAX_", "PLAIT_", "PYTHONDONTWRITEBYTECODE")


def python(peer: str) -> Path:
    """The Python that a peer runs on."""
    place = ENVIRONMENTS.get(peer.partition("-x")[0])
    return PLACE / place / "bin" / "python" if place else Path(sys.executable)


def peers_of(workload: str, wanted: list[str]) -> list[str]:
    """The peers that have a workload."""
    if workload in FEEDING:
        return [peer for peer in wanted if peer in ("plait", "keras")]
    if workload == "import":
        return [peer for peer in wanted if peer != "nightly"]
    if workload in SINGLE:
        return [peer for peer in wanted if peer in KERAS]
    more = [f"nightly-x{steps}" for steps in (16, 64)] if workload in SMALL and "nightly" in wanted else []
    return [*wanted, *more]


def environment(peer: str, workload: str, cache: str) -> dict[str, str]:
    """The variables of a peer's process. Compiled programs: from one folder, but none for a first step that is cold."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)}
    mine |= {"KERAS_BACKEND": BACKENDS.get(peer, "jax"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    if workload in ("cold", "warm", "import"):
        return mine | {"PYTHONPATH": str(HERE.parent / "src"), "PLAIT_CACHE": f"{cache}/{workload}"}
    places = {"JAX_COMPILATION_CACHE_DIR": f"{cache}/programs", "PYTHONPATH": str(HERE.parent / "src")}
    return mine | places


def measure(workload: str, peer: str, cache: str) -> dict:
    """Runs a workload for a peer in a fresh process."""
    if workload == "cold":
        subprocess.run(["rm", "-rf", f"{cache}/cold"], check=True)
    command = [str(python(peer)), str(HERE / "workloads.py"), workload, peer, f"{cache}/{bare(workload)}.npz"]
    options = {"capture_output": True, "text": True, "check": False, "timeout": SECONDS}
    try:
        done = subprocess.run(command, env=environment(peer, workload, cache), **options)
    except subprocess.TimeoutExpired:
        return {"failed": f"took more than {SECONDS} s"}
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["no message"])[-1][:300]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def bare(workload: str) -> str:
    """The model's name in a workload's name."""
    return workload.removeprefix("infer-")


def prepare(workloads: list[str], cache: str) -> None:
    """Writes the weights that every peer begins with, and fills plait's cache for the warm first step."""
    for name in dict.fromkeys(bare(workload) for workload in workloads):
        if name in WORKS or name in ("multiio", "transfer"):
            command = [sys.executable, str(HERE / "workloads.py"), "weights", name, f"{cache}/{name}.npz"]
            subprocess.run(command, env=environment("plait", "weights", cache), check=True, capture_output=True)
    if "warm" in workloads:
        measure("warm", "plait", cache)


def rounds_of(workloads: list[str], peers: list[str], rounds: int) -> Iterator[tuple[int, str, str]]:
    """Every run, in turn: round, workload, peer; every other round the peers go backwards."""
    for number in range(rounds):
        for workload in workloads:
            turn = peers_of(workload, peers)
            for peer in turn if number % 2 == 0 else reversed(turn):
                yield number, workload, peer


def run_all(workloads: list[str], peers: list[str], rounds: int, until: float) -> tuple[dict, list[str]]:
    """The results by workload and peer, and what was left out because the time was over."""
    results: dict[str, dict[str, list[dict]]] = {name: {p: [] for p in peers_of(name, peers)} for name in workloads}
    missed: dict[int, list[str]] = {}
    with tempfile.TemporaryDirectory() as cache:
        prepare(workloads, cache)
        for number, workload, peer in rounds_of(workloads, peers, rounds):
            found = results[workload][peer]
            if time.monotonic() > until:
                missed.setdefault(number + 1, []).append(f"{workload} on {peer}")
            elif not found or "failed" not in found[-1]:  # what failed once isn't tried again
                found.append(measure(workload, peer, cache))
                said = found[-1].get("failed") or show(found[-1]["seconds"])
                loss = f"  loss {found[-1]['loss']:.5f}" if "loss" in found[-1] else ""
                print(f"round {number + 1}  {workload:<18}{peer:<13}{said}{loss}", flush=True)
    return results, [f"round {number}, no time: {', '.join(names)}" for number, names in missed.items()]


def limit_of(workload: str, speed: dict[str, float]) -> float | None:
    """The least seconds a training step needs here."""
    if workload not in WORKS:
        return None
    work = WORKS[workload]
    return least_seconds(work.build(importlib.import_module("plait")), work.batch, speed)


def described(speed: dict[str, float], results: dict) -> dict[str, str]:
    """The machine, the packages by environment, and the machine's speed."""
    packages: dict[str, dict[str, str]] = {}
    for peer, rounds in (pair for row in results.values() for pair in row.items()):
        if versions := next((found["versions"] for found in rounds if "versions" in found), None):
            packages[ENVIRONMENTS.get(peer.partition("-x")[0], "own")] = versions
    lines = [f"{place}: {', '.join(f'{n} {v}' for n, v in own.items())}" for place, own in sorted(packages.items())]
    load = os.getloadavg()[0]
    return {
        "machine": f"{processor()}, {os.cpu_count()} cores, {platform.platform()}, load {load:.1f} at the end.",
        "packages": f"Python {platform.python_version()}. " + "; ".join(lines) + ".",
        "speed": f"{speed['flops'] / 1e9:.0f} GFLOP/s in a matrix product, {speed['bytes'] / 1e9:.1f} GB/s copying",
    }


def processor() -> str:
    """The processor's name."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def write(report: dict, folder: Path) -> None:
    """Writes the JSON, the table and the picture."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{report['date']}.json").write_text(json.dumps(report, indent=1) + "\n")
    (folder / f"{report['date']}.md").write_text(markdown(report))
    picture(report, folder / f"{report['date']}.svg")


def split(names: str, known: tuple[str, ...]) -> list[str]:
    """Names separated by commas, all of them known."""
    found = names.split(",")
    if wrong := [name for name in found if name not in known]:
        raise click.ClickException(f"{', '.join(wrong)}: not known; there are {', '.join(known)}")
    return found


@click.command()
@click.option("--only", default=",".join(WORKLOADS), help="Workloads, separated by commas.")
@click.option("--rounds", default=3, help="How often each is run.")
@click.option("--peers", default=",".join(PEERS), help="Peers, separated by commas.")
@click.option("--quick", is_flag=True, help="Stop after 14 minutes, and say what was left out.")
@click.option("--minutes", type=float, help="Stop after so many minutes, and say what was left out.")
@click.option("--folder", type=click.Path(path_type=Path), default=HERE / "results", help="Where the results go.")
def main(only: str, rounds: int, peers: str, quick: bool, minutes: float | None, folder: Path) -> None:
    """Runs workloads, prints a table, and writes it."""
    if only == "backup":  # plait alone, and no seconds of a workload
        importlib.import_module("backups").measure(rounds)
        return
    began = time.monotonic()
    minutes = minutes or (14 if quick else float("inf"))
    workloads, wanted = split(only, (*WORKLOADS, *FEEDING)), split(peers, PEERS)
    here = [peer for peer in wanted if python(peer).exists()]
    absent = [peer for peer in wanted if peer not in here]
    left = [f"{peer}: its environment isn't installed (make bench-peers)" for peer in absent]
    left += [f"{one}: not asked for" for one in PEERS if one not in wanted]
    if dropped := [one for one in WORKLOADS if one not in workloads]:
        left.append(f"workloads that weren't asked for: {', '.join(dropped)}")
    sys.path.insert(0, str(HERE.parent / "src"))  # plait needn't be installed
    speed = machine()
    limits = {name: limit_of(name, speed) for name in workloads}
    results, missed = run_all(workloads, here, rounds, began + minutes * 60)
    rows = {
        name: summary(found, limits[name], WORKS[bare(name)].tolerance if bare(name) in WORKS else 0.05)
        for name, found in results.items()
    }
    report = {"date": datetime.date.today().isoformat(), **described(speed, results), "left_out": left + missed}
    report["rows"] = rows
    write(report, folder)
    print(markdown(report))


if __name__ == "__main__":
    main()
