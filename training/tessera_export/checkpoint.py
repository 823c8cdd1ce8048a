"""Weights of a Hugging Face folder, tensor by tensor and in the type that they are stored in.

Files are mapped into memory, one at a time, so a tensor takes memory only while it is used.
"""

from tessera_export.folder import CheckpointError, Folder


class Weights:
    def with_prefix(self, prefix):
        """The weights whose names begin with this, by the rest of their names."""
        return Prefixed(self, prefix)

    def tensor(self, name, *shape):
        """The tensor, whose shape has to be this."""
        found = tuple(self.shape(name))
        require(found == shape, f"{name} is {list(found)}, but config.json makes it {list(shape)}")
        return self[name]


class Checkpoint(Weights):
    def __init__(self, directory):
        self.folder = OneFileAtATime(directory)
        self.directory = self.folder.path
        self.files = self.folder.places()  # name -> file

    def __contains__(self, name):
        return name in self.files

    def reader(self, name):
        if name not in self.files:
            raise CheckpointError(f"The weights of {self.directory} have no tensor {name}.")
        return self.folder.reader(self.files[name])

    def __getitem__(self, name):
        reader = self.reader(name)
        return reader[name] if isinstance(reader, dict) else reader.get_tensor(name)

    def shape(self, name):
        reader = self.reader(name)
        return tuple(reader[name].shape if isinstance(reader, dict) else reader.get_slice(name).get_shape())

    def config(self):
        return self.folder.json("config.json")


class OneFileAtATime(Folder):
    def reader(self, file):
        if file not in self.readers:
            self.readers.clear()  # mapped pages count as memory
        return super().reader(file)


class Prefixed(Weights):
    def __init__(self, weights, prefix):
        self.weights, self.prefix = weights, prefix

    def __contains__(self, name):
        return self.prefix + name in self.weights

    def __getitem__(self, name):
        return self.weights[self.prefix + name]

    def shape(self, name):
        return self.weights.shape(self.prefix + name)


def require(condition, message):
    if not condition:
        raise CheckpointError(f"{message}.")
