"""Values of a checkpoint's JSON files, checked when they are read: errors name the file and the value."""

import math

from tessera_export.folder import CheckpointError

SMALLEST, LARGEST = 1e-37, 1e37  # in single precision


class Fields:
    def __init__(self, values, file="config.json"):
        self.values, self.file = values, file

    def get(self, name, default, kind, is_right):
        value = self.values.get(name)
        value = default if value is None else value
        if value is None:
            raise CheckpointError(f"{self.file} has no {name}.")
        if not is_right(value):
            raise CheckpointError(f"{name} of {self.file} is {value!r}, but has to be {kind}.")
        return value

    def count(self, name, default=None):
        return self.get(name, default, "a whole number above 0", lambda value: type(value) is int and value > 0)

    def integer(self, name, default=None):
        return self.get(name, default, "a whole number", lambda value: type(value) is int)

    def number(self, name, default=None):
        return float(self.get(name, default, "a finite number above 0", is_positive))

    def text(self, name, default=None):
        return self.get(name, default, "a text", lambda value: isinstance(value, str))

    def like(self, name, default):
        """A text, a count or a number, as the default is."""
        kind = {str: self.text, int: self.count, float: self.number}[type(default)]
        return kind(name, default)

    def channels(self, name, least, most):
        """Of red, green and blue."""
        kind = f"three numbers from {least} to {most}"
        return self.get(name, None, kind, lambda value: is_triple(value) and least <= min(value) <= max(value) <= most)

    def part(self, name):
        """An object inside this one, empty where there is none."""
        return Fields(self.get(name, {}, "an object", lambda value: isinstance(value, dict)), self.file)

    def list(self, name):
        """Empty where there is none."""
        return self.get(name, [], "a list", lambda value: isinstance(value, list))

    def parts(self, name):
        """The objects of a list, none where there is no list."""
        given = self.get(name, [], "a list of objects", is_list_of_objects)
        return [Fields(values, f"{name} of {self.file}") for values in given]

    def require(self, expected):
        """`expected`: the values that alone can be exported, which also count where there is none."""
        for name, value in expected.items():
            found = self.values.get(name)
            if found is not None and found != value:
                raise CheckpointError(f"{name} of {self.file} is {found!r}; only {value!r} can be exported.")


def is_positive(value):
    return type(value) in (int, float) and SMALLEST <= value <= LARGEST


def is_list_of_objects(value):
    return isinstance(value, list) and all(isinstance(part, dict) for part in value)


def is_number(value):
    return type(value) in (int, float) and math.isfinite(value)


def is_triple(value):
    return isinstance(value, (list, tuple)) and len(value) == 3 and all(is_number(part) for part in value)
