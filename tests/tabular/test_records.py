import json

import fakes
import numpy as np
import pytest

from nasbench.errors import OutputFault, TableFault
from tabular.build import current_setting
from tabular.records import MAGIC, Item, RecordWriter, read_records


@pytest.fixture
def setting():
    return current_setting(fakes.SPACE, fakes.FakeTask(), "cpu")


def items(n):
    return [Item.of((0, 0, 0, k), 1, fakes.curve((0, 0, 0, k), 1, 4)) for k in range(n)]


def write(folder, setting, found):
    with RecordWriter(folder, setting) as writer:
        for item in found:
            writer.add(item, "Some CPU")


def test_what_was_written_is_read(tmp_path, setting):
    write(tmp_path, setting, items(3))
    records = read_records(tmp_path)
    assert records.setting == setting
    for item in items(3):
        read = records.items[item.key]
        np.testing.assert_array_equal(read.curve, item.curve)
        assert (read.train_s, read.diverged) == (item.train_s, item.diverged)


def test_costs_are_records_too(tmp_path, setting):
    with RecordWriter(tmp_path, setting) as writer:
        writer.add_cost((0, 0, 1, 2), 2.5)
    assert read_records(tmp_path).costs == {(0, 0, 1, 2): 2.5}


def test_a_folder_that_is_not_there_holds_nothing(tmp_path):
    records = read_records(tmp_path / "none")
    assert records.setting is None
    assert not records.items


def test_a_file_cut_anywhere_keeps_its_whole_records(tmp_path, setting):
    write(tmp_path / "whole", setting, items(4))
    source = next((tmp_path / "whole").glob("*.records"))
    data = source.read_bytes()
    folder = tmp_path / "cut"
    folder.mkdir()
    seen = set()
    for size in range(0, len(data) + 1, 7):
        (folder / "1.records").write_bytes(data[:size])
        found = read_records(folder).items
        whole = {item.key: item for item in items(4)}
        for key, item in found.items():
            np.testing.assert_array_equal(item.curve, whole[key].curve)
        seen.add(len(found))
    assert {0, 1, 2, 3} <= seen  # the steps may miss the very end


def test_a_flipped_byte_is_never_taken_for_a_training(tmp_path, setting):
    write(tmp_path / "whole", setting, items(3))
    data = next((tmp_path / "whole").glob("*.records")).read_bytes()
    folder = tmp_path / "flipped"
    folder.mkdir()
    whole = {item.key: item.curve for item in items(3)}
    for at in range(0, len(data), 13):
        flipped = bytearray(data)
        flipped[at] ^= 0x40
        (folder / "1.records").write_bytes(flipped)
        if at < len(MAGIC):
            with pytest.raises(TableFault, match="Move it out"):
                read_records(folder)
            continue
        found = read_records(folder)
        assert sum(found.damaged.values()) > 0 or found.items.keys() < whole.keys()
        for key, item in found.items.items():
            np.testing.assert_array_equal(item.curve, whole[key])


def test_files_of_several_invocations_add_up(tmp_path, setting):
    write(tmp_path, setting, items(2))
    write(tmp_path, setting, items(4)[2:])
    assert len(read_records(tmp_path).items) == 4


def test_a_place_that_cannot_be_written_is_an_output_fault(tmp_path, setting):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputFault, match="choose another place"):
        RecordWriter(tmp_path / "file" / "parts", setting)


def test_processors_are_those_of_the_items_or_unknown(tmp_path, setting):
    write(tmp_path, setting, items(1))
    assert read_records(tmp_path).processors == {"Some CPU"}
    with RecordWriter(tmp_path, setting) as writer:  # as files were written at first
        head = {"genes": [0, 0, 0, 1], "seed": 1, "train_s": 1.0, "diverged": False}
        writer._append(json.dumps(head).encode() + b"\n" + bytes(4 * 6 * 4))
    assert read_records(tmp_path).processors == {"Some CPU", "unknown"}
