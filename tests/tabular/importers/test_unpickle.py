import bz2
import io
import pickle
import pickletools

import pytest

from nasbench.errors import TableFault
from tabular.importers.opcodes import Opcodes
from tabular.importers.unpickle import Bounded, Inert, far_mentions, load, opened, run


class Evil:
    def __reduce__(self):
        return print, ("run by the pickle",)


def test_plain_data_is_read():
    data = {"a": [1, 2.5, None], "b": ("x", b"y")}
    assert load(pickle.dumps(data), {}, "file") == data


def test_stand_ins_are_called_in_place_of_what_is_named():
    seen = []
    names = {("builtins", "print"): lambda *given: seen.append(given) or "stand-in"}
    assert load(pickle.dumps(Evil()), names, "file") == "stand-in"
    assert seen == [("run by the pickle",)]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_names_outside_the_format_are_refused_and_not_run(capsys, protocol):
    with pytest.raises(TableFault, match=r"print, which its format does not need"):
        load(pickle.dumps(Evil(), protocol), {}, "file.pd")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("data", [b"", b"no pickle", pickle.dumps([1, 2, 3])[:-2], b"\x80\x05Q."])
def test_damaged_pickles_are_refused(data):
    with pytest.raises(TableFault):
        load(data, {}, "file.pd")


DATA = {
    "numbers": [0, 1, -1, 255, 256, 65_536, -(2**31), 2**40, -(2**70), 1.5, -0.0, float("inf")],
    "texts": ["", "a", "\u00e9\U0001f600", "\n|", "x" * 300, "y" * 70_000],
    "bytes": [b"", b"\x00" * 3, bytes(range(256)) * 2],
    "others": [None, True, False, (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), {}, []],
    ("cifar10", 777): {k: float(k) for k in range(3000)},
    7: {"a": {"b": [{}, {"c": ()}]}},
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_data_of_every_protocol_are_read_as_python_reads_them(protocol):
    data = {**DATA, "bytes": []} if protocol < 3 else DATA  # they are calls in older ones
    read = load(pickle.dumps(data, protocol), {}, "file")
    assert read == data
    assert repr(read) == repr(data)  # with the types of the numbers, and the order of the keys


def test_sets_and_byte_arrays_are_read():
    assert load(pickle.dumps([{1, "a"}, bytearray(b"xy")], 5), {}, "file") == [
        {1, "a"},
        bytearray(b"xy"),
    ]


def test_objects_that_are_shared_stay_shared():
    shared = [1, 2]
    first, second = load(pickle.dumps((shared, [shared])), {}, "file")
    assert first is second[0]


def test_opcodes_are_those_of_the_standard_library():
    for protocol in range(6):
        data = pickle.dumps(DATA, protocol)
        ours = [op for op, _ in Opcodes(io.BytesIO(data), "file").pickle()]
        assert ours == [ord(op.code) for op, _, _ in pickletools.genops(data)]


class Slow(io.BytesIO):
    """A stream that gives one byte at a time."""

    def read(self, size, /):
        return super().read(min(size, 1))


def test_a_stream_may_give_as_little_as_it_likes():
    data = pickle.dumps(DATA, 4)
    assert run(Opcodes(Slow(data), "file"), {}) == DATA


def test_pickles_that_follow_one_another_are_read_one_by_one():
    opcodes = Opcodes(io.BytesIO(pickle.dumps([1]) + pickle.dumps([2])), "file")
    assert [run(opcodes, {}), run(opcodes, {})] == [[1], [2]]
    opcodes.end()


def test_what_follows_the_end_is_refused():
    opcodes = Opcodes(io.BytesIO(pickle.dumps([1]) + b"x"), "file")
    run(opcodes, {})
    with pytest.raises(TableFault, match="something follows its end"):
        opcodes.end()


def test_what_was_seen_and_emptied_takes_no_memory():
    records = [{"record": list(range(100)), "same": "text"} for _ in range(200)]
    seen = []

    def take(found):
        if "record" in found:
            seen.append(sum(found["record"]))
            found.clear()
        return True

    left = run(Opcodes(io.BytesIO(pickle.dumps(records)), "file"), {}, seen=take)
    assert seen == [4950] * 200
    assert left == [{}] * 200


def test_only_far_mentions_are_kept(monkeypatch):
    monkeypatch.setattr("tabular.importers.unpickle.RECENT", 10)
    monkeypatch.setattr("tabular.importers.machine.RECENT", 10)
    shared, near = ["shared"], ["near"]
    data = pickle.dumps([shared, *([f"text {k}"] for k in range(50)), shared, near, near])
    far = far_mentions(Opcodes(io.BytesIO(data), "file"))
    assert len(far) == 1
    read = run(Opcodes(io.BytesIO(data), "file"), {}, far=far)
    assert read == pickle.loads(data)
    with pytest.raises(TableFault):
        run(Opcodes(io.BytesIO(data), "file"), {}, far=set())


def opcode(*parts):
    return b"\x80\x04" + b"".join(parts) + b"."


HOSTILE = {
    "a text longer than the file": opcode(b"\x8d" + (1 << 60).to_bytes(8, "little") + b"x"),
    "bytes longer than memory": opcode(b"\x96" + (1 << 40).to_bytes(8, "little")),
    "a key that takes forever to hash": opcode(b"}", b")\x94", b"2\x86" * 60, b"Ns"),
    "a tuple of tuples as a key": opcode(b"}", b")", b"\x85" * 3, b"Ns"),
    "a call of plain data": opcode(b"\x8c\x01x", b")R"),
    "a call with a list": opcode(b"c", b"m\nf\n", b"]R"),
    "a state for plain data": opcode(b"]", b"}b"),
    "items for a list": opcode(b"]", b"NNs"),
    "an entry for a dictionary": opcode(b"}", b"Na"),
    "an extension": opcode(b"\x82\x01"),
    "an instance": opcode(b"(im\nf\n"),
    "more than is on the stack": opcode(b"N\x87"),
    "a mark that is not there": opcode(b"Ne"),
    "an object that was not numbered": opcode(b"h\x05"),
    "an odd number of items": opcode(b"}", b"(NNNu"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_instructions_are_refused(what):
    with pytest.raises(TableFault, match="file"):
        load(HOSTILE[what], {("m", "f"): dict}, "file")


def test_a_huge_number_of_an_object_takes_no_memory():
    """The C unpickler would make room for two thousand million objects."""
    assert load(opcode(b"]", b"r\xff\xff\xff\x7f"), {}, "file") == []


class Nested:
    """Asks for what can be reached from a name of the format."""

    def __reduce__(self):
        return getattr, (Inert, "__init__")


def test_attributes_of_known_names_are_out_of_reach():
    data = pickle.dumps(Nested(), 4)
    with pytest.raises(TableFault, match=r"builtins\.getattr"):
        load(data, {("tabular.importers.machine", "Inert"): Inert}, "file")
    dotted = opcode(b"\x8c\x05numpy", b"\x8c\x0edtype.__base__", b"\x93")
    with pytest.raises(TableFault, match=r"numpy\.dtype\.__base__"):
        load(dotted, {("numpy", "dtype"): Inert}, "file")


def test_only_stand_ins_are_called():
    """What a stand-in made is none, even if it can be called."""
    made = opcode(b"cm\nf\n", b")R", b")R")
    with pytest.raises(TableFault, match="calls what is no function"):
        load(made, {("m", "f"): lambda: print}, "file")


def test_instructions_without_end_are_refused(monkeypatch):
    monkeypatch.setattr("tabular.importers.machine.MOST", 1000)
    with pytest.raises(TableFault, match="more than such a file"):
        load(opcode(b"]" * 2000), {}, "file")
    with pytest.raises(TableFault, match="more than such a file"):
        load(opcode(b"\x8f" * 400), {}, "file")  # a set is as large as three lists


def test_what_stays_on_the_stack_counts_after_a_result(monkeypatch):
    monkeypatch.setattr("tabular.importers.machine.MOST", 1000)
    part = b"]" * 400 + b"}K\x01K\x02s0"  # a result between what is left behind
    assert run(Opcodes(io.BytesIO(opcode(part * 2 + b"]")), "file"), {}, seen=lambda _: True) == []
    with pytest.raises(TableFault, match="more than such a file"):
        run(Opcodes(io.BytesIO(opcode(part * 4)), "file"), {}, seen=lambda _: True)


def test_storages_outside_of_the_pickle_are_stood_in_for_if_the_format_has_them():
    data = opcode(b"\x8c\x07storage", b"Q")
    with pytest.raises(TableFault, match="outside of itself"):
        load(data, {}, "file")
    found = run(Opcodes(io.BytesIO(data), "file"), {}, storages=True)
    assert found.arguments == ("storage",)


def test_packed_files_are_unpacked_no_further_than_their_size_explains(tmp_path, monkeypatch):
    path = tmp_path / "packed"
    path.write_bytes(bz2.compress(bytes(1 << 22)))
    with opened(path) as stream:
        assert len(stream.read(1 << 22)) == 1 << 22
    monkeypatch.setattr("tabular.importers.unpickle.SMALL", 1 << 20)
    with opened(path) as stream, pytest.raises(TableFault, match="packed unpacks to far more"):
        stream.read(1 << 22)


def test_faults_of_a_stream_name_the_file():
    class Broken:
        def read(self, size, /):
            raise EOFError("cut off")

    with pytest.raises(TableFault, match=r"name is damaged \(cut off\)"):
        Bounded(Broken(), 1, "name").read(1)
