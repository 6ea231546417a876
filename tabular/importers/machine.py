"""The stack machine that a pickle is a program for, with the instructions that make data.

It calls nothing but the stand-ins it was given, has no instruction that imports, and is bounded: by
a number of instructions without a result, and to keys that do not take long to hash.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable, Mapping
from typing import Any

from nasbench.errors import TableFault
from tabular.importers.opcodes import Opcodes

Names = Mapping[tuple[str, str], Any]
"""What stands in for each (module, name) that a format needs."""
Seen = Callable[[dict[Any, Any]], bool]
"""Is shown every dictionary when it has its items; says whether it was a result, now used up."""
MOST = 8_000_000
"""Instructions without a result, at less than 100 bytes each."""
RECENT = 1 << 16
"""Objects that are kept for later mention when `far` says which others are."""


class Inert:
    """Stands in for anything that is made by a call and then given a state."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class Machine:
    """The stack, the marks on it, and the numbered objects."""

    def __init__(
        self,
        opcodes: Opcodes,
        names: Names,
        seen: Seen | None = None,
        far: set[int] | None = None,
        storages: bool = False,
    ) -> None:
        self._opcodes, self._names, self._seen, self._far = opcodes, names, seen, far
        self._storages = storages
        self._made = {id(each) for each in names.values()}
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.count = 0
        """Numbered objects so far."""
        self.left = MOST
        """Instructions until the next result."""

    def run(self) -> Any:
        """The object that the next pickle makes; raises anything if it is damaged."""
        for op, argument in self._opcodes.pickle():
            handler = _HANDLERS.get(op)
            if handler is None:
                raise ValueError(f"{bytes((op,))!r} is not an instruction of data")
            handler(self, argument)
            self.left -= 1
            if self.left < 0:
                raise ValueError("it makes more than such a file holds")
        return self.stack.pop()

    def above(self) -> list[Any]:
        """What is above the last mark, taken off the stack with it."""
        mark = self.marks.pop()
        items = self.stack[mark:]
        del self.stack[mark:]
        return items

    def top(self, size: int) -> list[Any]:
        """The last items of the stack, taken off it."""
        if size > len(self.stack):
            raise ValueError("it takes what is not there")
        items = self.stack[-size:]
        del self.stack[-size:]
        return items

    def remember(self, number: int) -> None:
        """Numbers the last object."""
        self.memo[number] = self.stack[-1]
        self.count += 1
        if self._far is not None and number - RECENT not in self._far:
            self.memo.pop(number - RECENT, None)

    def find(self, module: str, name: str) -> None:
        """Puts the stand-in for a name on the stack."""
        if (module, name) not in self._names:
            raise TableFault(
                f"{self._opcodes.what} wants to use {module}.{name}, which its format does not "
                "need; it was not loaded. Get the file from its authors."
            )
        self.stack.append(self._names[module, name])

    def call(self) -> None:
        """Calls a stand-in."""
        function, arguments = self.top(2)
        if id(function) not in self._made or type(arguments) is not tuple:
            raise ValueError("it calls what is no function")
        self.stack.append(function(*arguments))

    def build(self) -> None:
        """Gives a stand-in its state."""
        target, state = self.top(2)
        if not hasattr(type(target), "__setstate__"):
            raise ValueError("it gives a state to plain data")
        target.__setstate__(state)
        self.stack.append(target)

    def outside(self) -> None:
        """Stands in for data that are outside of the pickle, if the format has such."""
        if not self._storages:
            raise TableFault(
                f"{self._opcodes.what} refers to data outside of itself; it was not loaded"
            )
        self.stack.append(Inert(self.stack.pop()))

    def extend(self, items: list[Any]) -> None:
        """Appends to the list on top of the stack."""
        target = self.stack[-1]
        if type(target) is not list:
            raise ValueError("it appends to what is no list")
        target.extend(items)

    def put(self, items: list[Any]) -> None:
        """Puts keys and values, one after the other, into the dictionary on top of the stack."""
        target, keys = self.stack[-1], items[::2]
        if type(target) is not dict:
            raise ValueError("it puts items into what is no dictionary")
        _refuse_slow(keys)
        target.update(zip(keys, items[1::2], strict=True))
        if self._seen is not None and self._seen(target):
            self.left = MOST - len(self.stack)

    def add(self, items: list[Any]) -> None:
        """Adds to the set on top of the stack."""
        target = self.stack[-1]
        if type(target) is not set:
            raise ValueError("it adds to what is no set")
        _refuse_slow(items)
        target.update(items)


_PLAIN = {str, int, float, bool, bytes, type(None)}


def _refuse_slow(keys: list[Any]) -> None:
    """Refuses keys whose hash takes long, such as tuples of tuples of tuples."""
    for key in keys:
        if type(key) not in _PLAIN and not (type(key) is tuple and set(map(type, key)) <= _PLAIN):
            raise ValueError(f"a key is of type {type(key).__name__}")


Handler = Callable[[Machine, bytes], Any]


def _constant(value: Any) -> Handler:
    return lambda machine, _: machine.stack.append(value)


def _fresh(kind: Callable[[], Any]) -> Handler:
    return lambda machine, _: machine.stack.append(kind())


def _set(machine: Machine, _: bytes) -> None:
    machine.left -= 2  # it has the size of three other things
    machine.stack.append(set())


def _decoded(decode: Callable[[bytes], Any]) -> Handler:
    return lambda machine, argument: machine.stack.append(decode(argument))


def _tuple(size: int) -> Handler:
    return lambda machine, _: machine.stack.append(tuple(machine.top(size)))


def _nothing(machine: Machine, _: bytes) -> None:
    pass


def _dictionary(machine: Machine, _: bytes) -> None:
    items = machine.above()
    machine.stack.append({})
    machine.put(items)


def _named(machine: Machine, argument: bytes) -> None:
    module, _, name = argument.decode().partition("\n")
    machine.find(module, name)


def _unsigned(argument: bytes) -> int:
    return int.from_bytes(argument, "little")


def _signed(argument: bytes) -> int:
    return int.from_bytes(argument, "little", signed=True)


def _integer(line: bytes) -> int | bool:
    """Of protocol 0, where 00 and 01 are truth values."""
    return line == b"01" if line in (b"00", b"01") else int(line.rstrip(b"L"))


def _text(argument: bytes) -> str:
    return argument.decode("utf-8", "surrogatepass")


_double = struct.Struct(">d").unpack
_HANDLERS: dict[int, Handler] = {
    code[0]: handler
    for code, handler in {
        pickle.PROTO: _nothing,
        pickle.FRAME: _nothing,
        pickle.STOP: _nothing,
        pickle.MARK: lambda machine, _: machine.marks.append(len(machine.stack)),
        pickle.POP: lambda machine, _: machine.top(1),
        pickle.POP_MARK: lambda machine, _: machine.above(),
        pickle.NONE: _constant(None),
        pickle.NEWTRUE: _constant(True),
        pickle.NEWFALSE: _constant(False),
        pickle.EMPTY_TUPLE: _constant(()),
        pickle.EMPTY_LIST: _fresh(list),
        pickle.EMPTY_DICT: _fresh(dict),
        pickle.EMPTY_SET: _set,
        pickle.INT: _decoded(_integer),
        pickle.BININT: _decoded(_signed),
        pickle.BININT1: _decoded(_unsigned),
        pickle.BININT2: _decoded(_unsigned),
        pickle.LONG: _decoded(_integer),
        pickle.LONG1: _decoded(_signed),
        pickle.FLOAT: _decoded(float),
        pickle.BINFLOAT: lambda machine, argument: machine.stack.append(_double(argument)[0]),
        pickle.UNICODE: _decoded(lambda argument: argument.decode("raw-unicode-escape")),
        pickle.BINUNICODE: _decoded(_text),
        pickle.BINUNICODE8: _decoded(_text),
        pickle.SHORT_BINUNICODE: _decoded(_text),
        pickle.BINBYTES: _decoded(bytes),
        pickle.BINBYTES8: _decoded(bytes),
        pickle.SHORT_BINBYTES: _decoded(bytes),
        pickle.BYTEARRAY8: _decoded(bytearray),
        pickle.TUPLE: lambda machine, _: machine.stack.append(tuple(machine.above())),
        pickle.TUPLE1: _tuple(1),
        pickle.TUPLE2: _tuple(2),
        pickle.TUPLE3: _tuple(3),
        pickle.LIST: lambda machine, _: machine.stack.append(machine.above()),
        pickle.APPEND: lambda machine, _: machine.extend(machine.top(1)),
        pickle.APPENDS: lambda machine, _: machine.extend(machine.above()),
        pickle.DICT: _dictionary,
        pickle.SETITEM: lambda machine, _: machine.put(machine.top(2)),
        pickle.SETITEMS: lambda machine, _: machine.put(machine.above()),
        pickle.ADDITEMS: lambda machine, _: machine.add(machine.above()),
        pickle.MEMOIZE: lambda machine, _: machine.remember(machine.count),
        pickle.PUT: lambda machine, argument: machine.remember(int(argument)),
        pickle.BINPUT: lambda machine, argument: machine.remember(_unsigned(argument)),
        pickle.LONG_BINPUT: lambda machine, argument: machine.remember(_unsigned(argument)),
        pickle.GET: lambda machine, argument: machine.stack.append(machine.memo[int(argument)]),
        pickle.BINGET: lambda machine, number: machine.stack.append(machine.memo[number[0]]),
        pickle.LONG_BINGET: lambda machine, argument: machine.stack.append(
            machine.memo[_unsigned(argument)]
        ),
        pickle.GLOBAL: _named,
        pickle.STACK_GLOBAL: lambda machine, _: machine.find(*machine.top(2)),
        pickle.REDUCE: lambda machine, _: machine.call(),
        pickle.NEWOBJ: lambda machine, _: machine.call(),
        pickle.BUILD: lambda machine, _: machine.build(),
        pickle.BINPERSID: lambda machine, _: machine.outside(),
    }.items()
}
