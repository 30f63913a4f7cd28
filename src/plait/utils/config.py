"""Settings of an experiment in one object: attributes by name, as JSON, and frozen once they are right."""

import json
from collections.abc import Iterator
from typing import Any

from plait.common.messages import did_you_mean
from plait.errors import ArgumentError, MissingError


class Config:
    """A bag of named values.

    Args:
        **kwargs: the first values by name.

    Raises:
        MissingError: reading what isn't there.
        ArgumentError: changing a frozen one.

    >>> config = Config(units=8)
    >>> config.rate = 0.5
    >>> config.to_json()
    '{"units": 8, "rate": 0.5}'
    >>> config.freeze()
    >>> config["units"], "rate" in config, config.frozen
    (8, True, True)
    """

    def __init__(self, **kwargs: Any):
        object.__setattr__(self, "_config", dict(kwargs))
        object.__setattr__(self, "_frozen", False)

    def as_dict(self) -> dict[str, Any]:
        """The values as a dict of their own."""
        return dict(self._config)

    def to_json(self) -> str:
        """The values as JSON."""
        return json.dumps(self._config)

    def keys(self) -> Any:
        """The names."""
        return self._config.keys()

    def values(self) -> Any:
        """The values."""
        return self._config.values()

    def items(self) -> Any:
        """Names with values."""
        return self._config.items()

    def get(self, keyname: str, value: Any = None) -> Any:
        """A value by name, or another one where there is none."""
        return self._config.get(keyname, value)

    def pop(self, *args: Any) -> Any:
        """Takes a value out by its name; a second argument is given back where there is none."""
        self._refuse_if_frozen()
        return self._config.pop(*args)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Sets several values, as `dict.update` does."""
        self._refuse_if_frozen()
        self._config.update(*args, **kwargs)

    @property
    def frozen(self) -> bool:
        """Whether changes are refused."""
        return self._frozen

    def freeze(self) -> None:
        """Refuses changes from now on."""
        object.__setattr__(self, "_frozen", True)

    def unfreeze(self) -> None:
        """Allows changes again."""
        object.__setattr__(self, "_frozen", False)

    def _refuse_if_frozen(self) -> None:
        if self._frozen:
            raise ArgumentError(
                "Config: Cannot mutate attribute(s) because the config is frozen. Call unfreeze() first."
            )

    def __getattr__(self, name: str) -> Any:
        values = object.__getattribute__(self, "_config")
        if name not in values:
            raise MissingError(f"Config: Unknown attribute: {name!r}.{did_you_mean(name, values)}")
        return values[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        del self[name]

    def __getitem__(self, name: str) -> Any:
        return self._config[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._refuse_if_frozen()
        self._config[name] = value

    def __delitem__(self, name: str) -> None:
        self._refuse_if_frozen()
        del self._config[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._config))

    def __len__(self) -> int:
        return len(self._config)

    def __contains__(self, name: object) -> bool:
        return name in self._config

    def __repr__(self) -> str:
        return f"<Config {self._config}>"
