"""No test draws without a seed: a failure that can't be repeated helps nobody.

`fresh_session` (tests/conftest.py) seeds the global generators before each test, so only tests of these use them. All
others make a generator of their own, with a seed. Programs that tests hand to other processes count as tests.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from architecture.source_tree import ROOT

TESTS = ROOT / "tests"
MAKERS = {"default_rng", "RandomState", "SeedSequence", "PCG64", "Random"}  # without an argument each draws its seed
UNSEEDED = {"urandom", "uuid1", "uuid4", "token_bytes", "token_hex", "SystemRandom"}
OF_GLOBAL_GENERATORS = {
    "parity/test_random.py",
    "unit/training/test_repeat.py",
    "faults/training_program.py",
    "distributed/program.py",
}
LIBRARIES = {"plait", "keras", "library", "tf", "jax"}  # their draws take a seed, or the one of the session


def test_no_test_draws_without_a_seed():
    found = [
        f"{path.relative_to(ROOT)}:{line}: {call}"
        for path in sorted({*TESTS.rglob("*.py")} - {Path(__file__)})
        for line, call in unseeded(path.read_text(encoding="utf-8"), of_global(path))
    ]
    assert not found, "Give these a seed, or make a generator with one:\n" + "\n".join(found)


@pytest.mark.parametrize(
    "text, is_seeded",
    [
        ("numpy.random.default_rng(3).normal()", True),
        ("random.Random(0).random()", True),
        ("numpy.random.default_rng()", False),
        ("numpy.random.rand(2)", False),
        ("random.choice([1, 2])", False),
        ("os.urandom(3)", False),
        ('program = """\nimport random\nrandom.random()\n"""', False),
    ],
)
def test_the_rule_itself(text, is_seeded):
    assert (list(unseeded(text, takes_global=False)) == []) == is_seeded


def of_global(path: Path) -> bool:
    """Whether a file may use the global generators: a test of them, or a script as users write them."""
    name = path.relative_to(TESTS).as_posix()
    return name in OF_GLOBAL_GENERATORS or name.startswith(("compat/scripts/", "compat/tensorflow_scripts/"))


def unseeded(text: str, takes_global: bool) -> Iterator[tuple[int, str]]:
    """The lines that draw without a seed, also in programs that stand in strings."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and draws_unseeded(node, takes_global):
            yield node.lineno, ast.unparse(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\nimport " in node.value:
            try:
                yield from ((node.lineno + line - 1, call) for line, call in unseeded(node.value, takes_global))
            except SyntaxError:
                continue


def draws_unseeded(call: ast.Call, takes_global: bool) -> bool:
    """Whether a call makes a generator without a seed, or draws from a global one."""
    owner, _, name = ast.unparse(call.func).rpartition(".")
    if name in UNSEEDED or (name in MAKERS and not call.args and not call.keywords):
        return True
    is_global = owner in {"random", "np.random", "numpy.random"} and owner.split(".")[0] not in LIBRARIES
    return is_global and not takes_global and name not in {*MAKERS, "seed"} and not name[:1].isupper()
