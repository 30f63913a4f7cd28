"""Names in files: each class is found in its own place, by its module, and nowhere else."""

import inspect

import pytest

import plait
from plait.common import registry
from plait.core.graph import Operation
from plait.errors import FileError

NAMESPACES = (
    "layers",
    "ops",
    "losses",
    "metrics",
    "optimizers",
    "initializers",
    "regularizers",
    "constraints",
    "models",
    "functions",
)
for _name in (
    "layers",
    "ops",
    "losses",
    "metrics",
    "optimizers",
    "initializers",
    "regularizers",
    "constraints",
    "models",
):
    getattr(plait, _name)  # loaded when first used


def classes():
    """Each class that plait has, with its namespace."""
    for namespace in NAMESPACES:
        for name, thing in sorted(registry.builtins_of(namespace).items()):
            if inspect.isclass(thing) and name == thing.__name__:
                yield pytest.param(namespace, thing, id=f"{namespace}.{name}")


@pytest.mark.parametrize("namespace, cls", list(classes()))
def test_a_class_is_found_where_files_name_it(namespace, cls):
    module, name, registered = registry.homes[cls]
    entry = {"module": module, "class_name": name, "registered_name": registered, "config": {}}
    places = {None, namespace, *(["layers"] if issubclass(cls, Operation) else [])}
    assert {registry.find_class(entry, place) for place in places} == {cls}


TAKEN = {
    "layers": (plait.layers.Dense, plait.Sequential, plait.ops.add.operation),
    "losses": (plait.losses.MeanSquaredError,),
    "metrics": (plait.metrics.MeanSquaredError,),
    "optimizers": (plait.optimizers.Adam,),
    "initializers": (plait.initializers.Identity,),
    "regularizers": (plait.regularizers.L1,),
    "constraints": (plait.constraints.NonNeg,),
}
NAMES = ("Dense", "Adam", "L1", "NonNeg", "Zeros", "AUC", "Huber", "BinaryCrossentropy")


@pytest.mark.parametrize("place", TAKEN)
@pytest.mark.parametrize("name", NAMES)
def test_a_name_without_a_module_means_what_its_place_takes_or_nothing(place, name):
    spaces = [registry.builtins_of(space) for space in registry.TAKEN_IN.get(place, (place,))]
    allowed = [space[name] for space in spaces if name in space]
    try:
        found = registry.find_class({"class_name": name, "config": {}}, place)
    except FileError:
        found = None
    assert found is (allowed[0] if allowed else None)


@pytest.mark.parametrize("place", TAKEN)
def test_what_a_place_takes_is_found_by_its_name_alone(place):
    for cls in TAKEN[place]:
        found = registry.find_class({"class_name": cls.__name__, "config": {}}, place)
        assert found.__name__ == cls.__name__
        assert place == "layers" or found is cls
