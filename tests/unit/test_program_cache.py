"""Compiled programs on disk: kept for the next process, capped, whole or not at all, and never against the user's word."""

import os
import subprocess
import sys
import threading

import jax
import pytest

import plait
from plait.common.program_cache import Programs, default_folder

SCRIPT = """
import jax, plait
hits = []
jax.monitoring.register_event_listener(lambda name, **_: hits.append(name) if name.endswith("cache_hits") else None)
jax.jit(lambda x: x * 2 + 1)(1.0)
print(jax.config.jax_compilation_cache_dir, len(hits))
"""


def run(script=SCRIPT, **variables):
    """The last line that a script prints in a process without JAX's own variables for caches."""
    inherited = {name: value for name, value in os.environ.items() if "CACHE" not in name}
    source = os.path.dirname(os.path.dirname(plait.__file__))
    environment = {**inherited, "PYTHONPATH": source, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0", **variables}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert not done.stderr, done.stderr
    return done.stdout.split()


def test_the_next_process_loads_what_one_has_compiled(tmp_path):
    folder = str(tmp_path / "programs")
    assert run(PLAIT_CACHE=folder) == [folder, "0"]
    assert Programs(tmp_path / "programs").usage().programs > 0
    assert run(PLAIT_CACHE=folder) == [folder, "1"]
    for path in (tmp_path / "programs").iterdir():
        path.write_bytes(path.read_bytes()[:-9])  # cut short
    assert run(PLAIT_CACHE=folder) == [folder, "0"]
    assert run(PLAIT_CACHE=folder) == [folder, "1"]


def test_what_the_user_says_counts(tmp_path):
    assert run(PLAIT_CACHE="0")[0] == "None"
    own = str(tmp_path / "own")
    assert run(JAX_COMPILATION_CACHE_DIR=own)[0] == own
    later = f"import jax; jax.config.update('jax_compilation_cache_dir', {own!r})"
    assert run(later + SCRIPT, PLAIT_CACHE=str(tmp_path / "unused"))[0] == own
    afterwards = SCRIPT.replace("hits = []", later.partition("; ")[2] + "; hits = []")
    assert run(afterwards, PLAIT_CACHE=str(tmp_path / "unused"))[0] == own
    assert not (tmp_path / "unused").exists() and os.listdir(own)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="other folders")
def test_the_default_folder(monkeypatch):
    monkeypatch.delenv("PLAIT_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert str(default_folder()) == "/somewhere/plait/programs"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert default_folder() is None


def test_the_cap_removes_what_was_used_least_recently(tmp_path):
    programs = Programs(tmp_path, most_bytes=1000)
    for number in range(6):
        programs.put(str(number), bytes(150))
        os.utime(programs._file(str(number)), (number, number))
    assert programs.get("0") is not None  # used just now
    programs.put("6", bytes(150))
    assert programs.usage().size <= 750
    assert programs.get("0") and programs.get("6") and programs.get("1") is None
    programs.put("too large", bytes(900))
    assert programs.get("too large") is None
    assert programs.clear().programs == 4 and programs.usage().programs == 0


def test_several_writers_of_one_folder(tmp_path):
    caches = [Programs(tmp_path / "both", most_bytes=4000) for _ in range(4)]
    wrong = []

    def work(programs):
        for number in range(60):
            key = str(number % 7)
            programs.put(key, key.encode() * 300)
            if programs.get(key) not in (None, key.encode() * 300):
                wrong.append(key)

    threads = [threading.Thread(target=work, args=(programs,)) for programs in caches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and caches[0].usage().size <= 4000
    assert not [path for path in (tmp_path / "both").iterdir() if path.suffix == ".partial"]


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs owners of files")
def test_a_folder_that_others_may_write_to_is_not_used(tmp_path):
    programs = Programs(tmp_path)
    programs.put("a", b"program")
    tmp_path.chmod(0o777)
    assert programs.get("a") is None
    programs.put("b", b"program")
    assert programs.usage().programs == 1


def test_a_disk_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("")
    programs = Programs(tmp_path / "file" / "programs")
    programs.put("a", b"program")
    assert programs.get("a") is None and programs.usage() == (0, 0) and programs.clear() == (0, 0)


def test_this_process_keeps_the_tests_own_folder():
    assert jax.config.jax_compilation_cache_dir == os.environ.get("JAX_COMPILATION_CACHE_DIR", str(default_folder()))
