"""Where a run goes on: at each batch of each kind of data, in the middle of accumulation, on other devices, from copies."""

import os
import resource
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import jax
import numpy as np
import pytest

import plait
from faults import signalled_program
from plait import layers
from plait.errors import DataError, FileError

X = np.random.default_rng(0).normal(size=(44, 4)).astype("float32")
Y = X[:, :1] * 2
BATCH, STEPS = 8, 6  # the last batch has 4 rows


class StopError(Exception):
    """A run that ends here."""


class StopAfter(plait.callbacks.Callback):
    """Ends the run after a step of an epoch, or never."""

    def __init__(self, epoch=9, batch=9):
        super().__init__()
        self.place = (epoch, batch)

    def on_train_batch_end(self, batch, logs=None):
        if (self.run.epoch, batch) == self.place:
            raise StopError


class Shuffled(plait.utils.PyDataset):
    """Batches of two sources in turn, each in an order that is drawn anew after each epoch."""

    def __init__(self, mixed=False, **options):
        super().__init__(**options)
        self.mixed, self.order, self.rng = mixed, np.arange(44), np.random.default_rng(5)

    def __len__(self):
        return STEPS

    def __getitem__(self, index):
        rows = self.order[index * BATCH : (index + 1) * BATCH]
        sign = -1 if self.mixed and index % 3 == 1 else 1
        return sign * X[rows], sign * Y[rows]

    def on_epoch_end(self):
        self.rng.shuffle(self.order)


def endless():
    rng = np.random.default_rng(3)
    while True:
        rows = rng.integers(0, 44, BATCH)
        yield X[rows], Y[rows]


class Batches:
    """Begins anew each epoch, and says where it is."""

    def __init__(self):
        self.rng = np.random.default_rng(7)

    def __iter__(self):
        for _ in range(STEPS):
            rows = self.rng.integers(0, 44, BATCH)
            yield X[rows], Y[rows]


class Knows(Batches):
    """The same with a state of its own, which it has at the beginning of an epoch."""

    def state_dict(self):
        return {"rng": self.rng.bit_generator.state}

    def load_state_dict(self, state):
        self.rng.bit_generator.state = state["rng"]


def torch_loader(own=False, stateful=False):
    """PyTorch's loader, which shuffles."""
    torch = pytest.importorskip("torch", reason="PyTorch isn't installed (pip install torch)")
    loader = torch.utils.data.DataLoader
    if stateful:
        pytest.importorskip("torchdata", reason="torchdata isn't installed (pip install torchdata)")
        from torchdata.stateful_dataloader import StatefulDataLoader as loader
    torch.manual_seed(1)
    generator = torch.Generator().manual_seed(3) if own else None
    data = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    return {"x": loader(data, batch_size=BATCH, shuffle=True, generator=generator)}


def tensorflow_data(repeated=False):
    """tf.data, which shuffles anew each epoch, by a seed."""
    tf = pytest.importorskip("tensorflow", reason="TensorFlow isn't installed (pip install tensorflow-cpu)")
    data = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(44, seed=3)
    if repeated:
        return {"x": data.repeat().batch(BATCH), "steps_per_epoch": STEPS}
    return {"x": data.batch(BATCH)}


def grain_data(form):
    """Grain, which shuffles by a seed."""
    grain = pytest.importorskip("grain", reason="Grain isn't installed (pip install grain)")
    rows = grain.MapDataset.source(list(zip(X, Y, strict=True))).seed(3).shuffle()
    if form == "iterable":
        return {"x": rows.repeat().to_iter_dataset().batch(BATCH, drop_remainder=True), "steps_per_epoch": STEPS}
    if form == "iterator":
        return {"x": iter(rows.repeat().to_iter_dataset().batch(BATCH, drop_remainder=True)), "steps_per_epoch": STEPS}
    if form == "map":
        return {"x": rows.batch(BATCH)}
    if form == "mixture":
        other = grain.MapDataset.source(list(zip(-X, -Y, strict=True))).seed(5).shuffle()
        mixed = grain.MapDataset.mix([rows.repeat(), other.repeat()], weights=[0.7, 0.3])
        return {"x": mixed.to_iter_dataset().batch(BATCH, drop_remainder=True), "steps_per_epoch": STEPS}
    loader = grain.DataLoader(
        data_source=list(zip(X, Y, strict=True)),
        sampler=grain.samplers.IndexSampler(44, shuffle=True, seed=3, num_epochs=None),
        operations=[grain.transforms.Batch(BATCH, drop_remainder=True)],
    )
    return {"x": loader, "steps_per_epoch": STEPS}


SOURCES = {
    "arrays": lambda: {"x": X, "y": Y, "batch_size": BATCH},
    "arrays in part": lambda: {"x": X, "y": Y, "batch_size": BATCH, "steps_per_epoch": 4},
    "dataset": lambda: {"x": Shuffled()},
    "dataset of 1 worker": lambda: {"x": Shuffled(workers=1)},
    "dataset of 4 workers": lambda: {"x": Shuffled(workers=4)},
    "mixture": lambda: {"x": Shuffled(mixed=True, workers=1)},
    "generator": lambda: {"x": endless(), "steps_per_epoch": STEPS},
    "iterable": lambda: {"x": Batches()},
    "iterable with state": lambda: {"x": Knows()},
    "torch": torch_loader,
    "torch with a generator of its own": lambda: torch_loader(own=True),
    "torch, stateful": lambda: torch_loader(stateful=True),
    "torch, stateful, with a generator of its own": lambda: torch_loader(stateful=True, own=True),
    "tf.data": tensorflow_data,
    "tf.data, repeated": lambda: tensorflow_data(repeated=True),
    **{f"grain, {form}": partial(grain_data, form) for form in ("iterable", "iterator", "map", "mixture", "loader")},
}
PLACES = [(0, 0), (1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (2, 4)]


def model(optimizer=None, units=3):
    made = plait.Sequential([plait.Input((4,)), layers.Dense(units, "tanh"), layers.Dropout(0.1), layers.Dense(1)])
    made.compile(optimizer or plait.optimizers.Adam(0.01), "mse")
    return made


def backed_up(folder, every=1):
    return plait.callbacks.BackupAndRestore(folder, save_freq=every, delete_checkpoint=False)


def ends(made, history):
    return [value.tobytes() for value in made.get_weights()], history.history


@pytest.mark.filterwarnings("ignore:'set_vital' is deprecated")  # torchdata
@pytest.mark.parametrize("kind", SOURCES)
def test_a_run_goes_on_at_each_batch_of_each_kind_of_data(kind, tmp_path):
    made, options = model(), {"epochs": 3, "verbose": 0}
    made.fit(X, Y, batch_size=BATCH, verbose=0)
    variables = [*made.variables, *made.optimizer.variables]
    first = [variable.numpy() for variable in variables]

    def begin():
        plait.utils.set_random_seed(1)
        for variable, value in zip(variables, first, strict=True):
            variable.assign(value)

    begin()
    whole = ends(made, made.fit(**SOURCES[kind](), **options, callbacks=[StopAfter()]))
    for place in PLACES:
        if "part" in kind and place[1] > 3:
            continue
        begin()
        folder = tmp_path / f"{place}"
        with pytest.raises(StopError):
            made.fit(**SOURCES[kind](), **options, callbacks=[backed_up(folder), StopAfter(*place)])
        begin()  # as the program does when it starts again
        again = made.fit(**SOURCES[kind](), **options, callbacks=[backed_up(folder), StopAfter()])
        assert ends(made, again) == whole, place


def test_a_generator_that_ends_sooner_than_before_is_an_error(tmp_path):
    def batches(count):
        for _ in range(count):
            yield X[:BATCH], Y[:BATCH]

    options = {"steps_per_epoch": STEPS, "epochs": 3, "verbose": 0}
    with pytest.raises(StopError):
        model().fit(batches(18), **options, callbacks=[backed_up(tmp_path / "run"), StopAfter(2, 1)])
    with pytest.raises(DataError, match="used up"):
        model().fit(batches(12), **options, callbacks=[backed_up(tmp_path / "run"), StopAfter()])


@pytest.mark.slow
@pytest.mark.parametrize("together", [1, 3])
def test_no_row_is_repeated_or_left_out_by_kills_at_the_first_and_the_last_batches(together, tmp_path):
    """Each process kills itself with SIGKILL; a layer counts what it is trained on."""
    environment = {**os.environ, "PYTHONPATH": str(Path(plait.__file__).parents[1])}
    program, steps = signalled_program, signalled_program.COUNTED_STEPS
    for epoch, batch in enumerate((0, together, (steps - 1) // together * together, steps)):
        place = [str(together), str(epoch), str(batch)]
        command = [sys.executable, "-W", "ignore", program.__file__, str(tmp_path / "run"), "counted", *place]
        assert subprocess.run(command, env=environment, timeout=120, check=False).returncode == -signal.SIGKILL
    counts, weights = program.count(tmp_path / "run", together)
    assert set(counts.tolist()) == {program.COUNTED_EPOCHS}
    np.testing.assert_array_equal(weights, program.count(tmp_path / "whole", together)[1])


# ---------------------------------------------------------------------------- what is carried on


def interrupted(make, folder, place=(1, 2)):
    """The end of a run that stopped at a place, and of one that didn't."""
    options = {"batch_size": BATCH, "epochs": 3, "verbose": 0}
    plait.utils.set_random_seed(0)
    made = make()
    whole = ends(made, made.fit(X, Y, **options, callbacks=[StopAfter()]))
    plait.utils.set_random_seed(0)
    with pytest.raises(StopError):
        make().fit(X, Y, **options, callbacks=[backed_up(folder), StopAfter(*place)])
    plait.utils.set_random_seed(5)
    made = make()
    return ends(made, made.fit(X, Y, **options, callbacks=[backed_up(folder), StopAfter()])), whole


def augmented():
    made = plait.Sequential(
        [
            plait.Input((4,)),
            layers.Reshape((2, 2, 1)),
            layers.RandomFlip(),
            layers.RandomTranslation(0.2, 0.2),
            layers.Flatten(),
            layers.GaussianNoise(0.1),
            layers.Dense(3),
            layers.SpectralNormalization(layers.Dense(1)),
        ]
    )
    made.compile("adam", "mse")
    return made


def scaled():
    made = plait.Sequential([plait.Input((4,)), layers.Dense(3, dtype="mixed_float16"), layers.Dense(1)])
    inner = plait.optimizers.Adam(0.01)
    made.compile(plait.optimizers.LossScaleOptimizer(inner, initial_scale=8.0, dynamic_growth_steps=4), "mse")
    return made


def scheduled():
    return model(plait.optimizers.SGD(plait.optimizers.schedules.CosineDecayRestarts(0.1, 5), momentum=0.9))


def accumulated():
    return model(plait.optimizers.AdamW(0.01, use_ema=True, ema_overwrite_frequency=5, gradient_accumulation_steps=4))


@pytest.mark.parametrize("make", [augmented, scaled, scheduled, accumulated])
def test_streams_scales_schedules_and_sums_under_way_are_carried_on(make, tmp_path):
    resumed, whole = interrupted(make, tmp_path / "run")
    assert resumed == whole


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork")
def test_worker_processes_that_outlive_a_run_do_not_keep_its_folder(tmp_path):
    wait, end = os.pipe()
    options = {"batch_size": BATCH, "verbose": 0, "resume": tmp_path / "run"}

    class Forks(plait.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.child = os.fork()
            if not self.child:
                os.read(wait, 1)
                os._exit(0)

    forks = Forks()
    model().fit(X, Y, callbacks=[forks], **options)
    try:
        assert model().fit(X, Y, callbacks=[Forks()], epochs=1, **options).epoch == [0]
    finally:
        os.write(end, b"x")
        os.waitpid(forks.child, 0)


def test_two_runs_from_one_backup_end_the_same_without_any_seed(tmp_path):
    np.random.seed(None)  # noqa: NPY002
    options, found = {"batch_size": BATCH, "epochs": 3, "verbose": 0}, []
    with pytest.raises(StopError):
        augmented().fit(X, Y, **options, callbacks=[backed_up(tmp_path / "run"), StopAfter(1, 2)])
    for name in ("one", "other"):
        shutil.copytree(tmp_path / "run", tmp_path / name)
        np.random.seed(None)  # noqa: NPY002
        made = augmented()
        found.append(ends(made, made.fit(X, Y, **options, callbacks=[backed_up(tmp_path / name), StopAfter()])))
    assert found[0] == found[1]


def test_a_backup_of_step_n_holds_n_updates(tmp_path):
    for n in range(1, STEPS):
        options = {"batch_size": BATCH, "verbose": 0, "callbacks": [backed_up(tmp_path / f"{n}"), StopAfter(0, n)]}
        with pytest.raises(StopError):
            model().fit(X, Y, **options)  # its last backup is of the step before
        again = model()
        with pytest.raises(StopError):
            again.fit(X, Y, **options)
        assert int(again.optimizer.iterations.numpy()) == n + 1


# ---------------------------------------------------------------------------- other devices, disks, places


def test_it_goes_on_on_another_number_of_devices(tmp_path):
    """The rows come in the same order; sums over devices differ in the last bits."""
    devices = jax.devices()
    if len(devices) < 4:
        pytest.skip("needs four devices")

    def train(folder, count, place=None):
        plait.utils.set_random_seed(0)
        plait.distribution.set_distribution(
            plait.distribution.DataParallel(devices=devices[:count]) if count > 1 else None
        )
        try:
            made = model()
            stop = StopAfter(*(place or (9, 9)))
            return made, made.fit(
                X[:40], Y[:40], batch_size=8, epochs=4, verbose=0, callbacks=[backed_up(folder), stop]
            )
        finally:
            plait.distribution.set_distribution(None)

    whole, expected = train(tmp_path / "whole", 1)
    for epoch, count in enumerate((1, 2, 4)):
        with pytest.raises(StopError):
            train(tmp_path / "run", count, (epoch, 2))
    last, history = train(tmp_path / "run", 1)
    np.testing.assert_allclose(history.history["loss"], expected.history["loss"], rtol=1e-5)
    for mine, theirs in zip(last.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-6)


def test_another_optimizer_or_length_of_data_is_refused_with_the_difference(tmp_path):
    options = {"batch_size": BATCH, "epochs": 2, "verbose": 0, "resume": tmp_path / "run"}
    model().fit(X, Y, **options)
    with pytest.raises(FileError, match=r"it holds \d+ variables, and this has \d+"):
        model(plait.optimizers.SGD()).fit(X, Y, **options)
    with pytest.raises(FileError, match="rows was 44, and is 40; steps was 6, and is 5"):
        model().fit(X[:40], Y[:40], **options)


@pytest.mark.parametrize("place", ["a file", "/proc/nowhere"])
def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(place, tmp_path):
    (tmp_path / "a file").write_text("")
    folder = tmp_path / place / "run"
    with pytest.raises(FileError, match="Cannot write"):
        model().fit(X, Y, verbose=0, resume=folder)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of a megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = sys.platform == "linux" and shutil.which("mount") is not None
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if not mounted or subprocess.run(command, capture_output=True, check=False, timeout=60).returncode:
        pytest.skip("may not mount a small disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True, timeout=60)


class InEpochs(plait.callbacks.Callback):
    """Does something at the beginning of some epochs."""

    def __init__(self, actions):
        super().__init__()
        self.actions = actions

    def on_epoch_begin(self, epoch, logs=None):
        self.actions.get(epoch, lambda: None)()


def fill(disk):
    def full():
        try:
            with open(disk / "filler", "wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))
        except OSError:
            pass

    return full


def mounted(*arguments):
    return lambda: subprocess.run([*arguments], check=True, timeout=60)


def survives(folder, actions, said):
    """A run that goes on through troubles of its disk, says so, and is backed up again afterwards."""
    plait.utils.set_random_seed(0)
    options = {"batch_size": BATCH, "epochs": 6, "verbose": 0}
    with pytest.warns(UserWarning, match=said):
        history = model().fit(X, Y, **options, callbacks=[backed_up(folder), InEpochs(actions), StopAfter()])
    steps, again = [], model()
    stop = StopAfter()
    stop.on_train_batch_begin = lambda batch, logs=None: steps.append(batch)
    assert again.fit(X, Y, **options, callbacks=[backed_up(folder), stop]).history == history.history
    assert len(steps) <= 1  # a backup of each step: the last epoch's end has none


def test_a_full_disk_is_a_warning_and_later_backups_are_written(small_disk):
    actions = {0: fill(small_disk), 4: (small_disk / "filler").unlink}
    survives(small_disk / "run", actions, "could not be written.*the disk is full")


def test_a_folder_that_a_read_only_disk_covers_is_a_warning_and_later_backups_are_written(small_disk):
    folder = str(small_disk / "run")
    actions = {2: mounted("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", folder), 4: mounted("umount", "-l", folder)}
    survives(small_disk / "run", actions, "could not be written.*the file system is read-only")


def test_a_limit_of_file_sizes_is_a_warning_and_later_backups_are_written(tmp_path):
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        actions = {
            2: lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1])),
            4: lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limits),
        }
        survives(tmp_path / "run", actions, "could not be written.*larger than the file system allows")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_hundred_starts_that_die_within_three_steps_come_to_the_end_and_leave_no_litter(tmp_path):
    made, options = model(), {"batch_size": BATCH, "epochs": 20, "verbose": 0, "resume": tmp_path / "run"}

    class Dies(plait.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.left = 3

        def on_train_batch_end(self, batch, logs=None):
            self.left -= 1
            if not self.left:
                raise StopError

        def state_dict(self):
            return {}

        def load_state_dict(self, state):
            pass

    def come_to_the_end():
        for starts in range(1, 2 * 20 * STEPS):
            try:
                made.fit(X, Y, callbacks=[Dies()], **options)
                return starts
            except StopError:
                names = {path.name for path in (tmp_path / "run").iterdir()}
                assert names <= {"latest.backup.npz", "previous.backup.npz", "lock", "starts.json"}
        raise AssertionError("no progress is made")

    with pytest.warns(UserWarning, match="From now on each step is backed up"):
        assert come_to_the_end() > 40
