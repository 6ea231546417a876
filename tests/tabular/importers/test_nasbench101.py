"""The importer against files in the true format, and against damaged ones."""

import base64
import json
import struct
import sys

import numpy as np
import pytest
import tfrecords

from nasbench.core import Architecture, Candidate
from nasbench.errors import MissingExtra, TableFault
from nasbench.spaces.cell101 import Cell101
from nasbench.spaces.modules101 import OPS
from nasbench.testing.benchmarks import BenchmarkConformance
from tabular import checks
from tabular.exporters import syne_tune
from tabular.exporters.frame import frame
from tabular.hdf5 import open_table, write_table
from tabular.importers import nasbench101
from tabular.importers.tfrecord import masked_checksum, records

SPACE = Cell101()
BUDGETS = (4, 12, 36, 108)
CONV3, CONV1, POOL = OPS
INCEPTION = SPACE.embed(
    [
        [0, 1, 1, 1, 0, 1, 0],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 0],
    ],
    ["input", CONV1, CONV3, CONV3, CONV3, POOL, "output"],
)


@pytest.fixture(scope="module")
def cells():
    """Thirty cells of different classes."""
    drawn = SPACE.sample(60, np.random.default_rng(0))
    return list({SPACE.canonical(arch): arch for arch in drawn}.values())[:30]


@pytest.fixture(scope="module")
def evaluations(cells):
    return tfrecords.numbers(np.random.default_rng(1), len(cells), 3, len(BUDGETS))


@pytest.fixture(scope="module")
def data(cells, evaluations):
    return tfrecords.file(SPACE, cells, evaluations)


@pytest.fixture(scope="module")
def table(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("nb101")
    (folder / "full.tfrecord").write_bytes(b"".join(data[0]))
    write_table(folder / "full.h5", nasbench101.read(folder / "full.tfrecord"))
    return open_table(folder / "full.h5")


class TestImported(BenchmarkConformance):
    @pytest.fixture
    def benchmark(self, table):
        return table

    @pytest.fixture
    def archs(self, cells):
        """Those in the file: it is a part of the space."""
        return cells[:12]


def read(tmp_path, *parts):
    path = tmp_path / "file.tfrecord"
    path.write_bytes(b"".join(parts))
    return nasbench101.read(path)


def record(arch=INCEPTION, epochs=108, **changes):
    """The record of a training."""
    matrix, ops = SPACE.pruned(arch)
    said = {
        "name": SPACE.module_hash(arch),
        "matrix": matrix,
        "ops": ops,
        "params": 10,
        "middle": (5.0, 0.5, 0.5, 0.5),
        "end": (9.0, 0.75, 0.75, 0.75),
    } | changes
    return tfrecords.training(epochs=epochs, **said)


def test_the_checksum_is_that_of_the_standard():
    """Test vectors of RFC 3720, B.4, before masking."""
    masked = masked_checksum()
    for text, crc in (
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (b"123456789", 0xE3069283),
    ):
        rotated = int(f"{crc:032b}"[-15:] + f"{crc:032b}"[:-15], 2)
        assert masked(text) == (rotated + 0xA282EAD8) % 2**32


def test_every_value_of_the_file_is_in_the_table(table, cells, evaluations):
    assert table.epochs == BUDGETS
    assert table.seeds == (0, 1, 2)
    rows = table.rows_of([arch.genes for arch in cells])
    for half, prefix in enumerate(("halfway_", "")):
        for k, name in enumerate(tfrecords.SAID):
            found = table.curves(f"{prefix}{name}")[rows]
            expected = evaluations[:, :, :, half, k]
            if k == 0:
                np.testing.assert_array_equal(found, expected)
            else:  # whole numbers of images, which float32 rounds
                np.testing.assert_allclose(found, 100 * expected, rtol=1e-6)
                np.testing.assert_allclose(found * 99.84, np.rint(found * 99.84), atol=1e-9)


def test_parameters_and_seconds_are_those_of_the_cell(table, cells, evaluations, data):
    for arch, params, cell in zip(cells, data[1], evaluations, strict=True):
        for epochs, seconds in zip(BUDGETS, cell[:, :, 1, 0].T, strict=True):
            (result,) = table.query([Candidate(arch, epochs)])
            assert result.metrics["params"] == params
            assert result.cost_s == pytest.approx(seconds.mean(), rel=1e-12)


def test_every_length_is_a_training_of_its_own(table, cells, evaluations):
    assert not table.continues
    row = int(table.rows_of([cells[0].genes])[0])
    seconds = evaluations[0, :, :, 1, 0].mean(axis=0)
    np.testing.assert_allclose(table.all_charged_s()[row], seconds)
    made = frame(table)
    form = Architecture(table.space.name, tuple(table.genes[row].tolist()))
    made = made[made.architecture == table.space.format(form)]
    np.testing.assert_allclose(made.cost_s, np.tile(seconds, table.repeats))
    elapsed = list(syne_tune.objectives(table)).index(syne_tune.ELAPSED)
    told = syne_tune.evaluations(table, np.array([row]))[0, 0, :, elapsed]
    np.testing.assert_allclose(told, seconds, rtol=1e-6)


def test_a_repeat_costs_its_own_seconds(table, cells):
    for seed in range(5):
        for result in table.query([Candidate(arch, 12) for arch in cells], noise_seed=seed):
            assert result.cost_s == result.metrics["training_s"]


def test_relabeled_cells_find_the_same_row(table, cells):
    forms = [SPACE.canonical(arch).genes for arch in cells]
    assert forms != [arch.genes for arch in cells]
    rows = table.rows_of([arch.genes for arch in cells])
    np.testing.assert_array_equal(table.genes[rows], forms)
    np.testing.assert_array_equal(table.rows_of(forms), rows)


PUBLISHED = SPACE.embed(
    [
        [0, 1, 0, 0, 1, 1, 0],
        [0, 0, 1, 0, 0, 0, 0],
        [0, 0, 0, 1, 0, 0, 1],
        [0, 0, 0, 0, 0, 1, 0],
        [0, 0, 0, 0, 0, 1, 0],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 0],
    ],
    ["input", CONV3, POOL, CONV3, CONV3, CONV1, "output"],
)
"""A cell of 8,555,530 parameters, whose 108-epoch trainings follow: middle and end of each."""
SAID = [
    (
        (883.4580078125, 0.8282251358032227, 0.7776442170143127, 0.7740384340286255),
        (1769.1279296875, 1.0, 0.9241786599159241, 0.9211738705635071),
    ),
    (
        (883.6810302734375, 0.8796073794364929, 0.8291265964508057, 0.8204126358032227),
        (1768.2509765625, 1.0, 0.9245793223381042, 0.9190705418586731),
    ),
    (
        (883.4569702148438, 0.8634815812110901, 0.811598539352417, 0.8058894276618958),
        (1768.9759521484375, 1.0, 0.9304887652397156, 0.9215745329856873),
    ),
]


def test_published_trainings_survive_the_way(tmp_path):
    rows = [record(PUBLISHED, params=8_555_530, middle=m, end=e) for m, e in SAID]
    write_table(tmp_path / "one.h5", read(tmp_path, *rows))
    table = open_table(tmp_path / "one.h5")
    (result,) = table.query([Candidate(PUBLISHED)])
    assert result.metrics["params"] == 8_555_530
    assert result.cost_s == pytest.approx(np.mean([end[0] for _, end in SAID]), rel=1e-12)
    for half, prefix in enumerate(("halfway_", "")):
        assert table.trainings(f"{prefix}training_s")[0].tolist() == [x[half][0] for x in SAID]
        for k, name in enumerate(tfrecords.SAID[1:], 1):
            images = table.trainings(f"{prefix}{name}")[0] * tfrecords.IMAGES / 100
            np.testing.assert_allclose(images, np.rint(images), atol=1e-9)
            np.testing.assert_allclose(
                images / tfrecords.IMAGES, [x[half][k] for x in SAID], atol=2e-7
            )


def test_values_that_are_no_share_of_the_images_are_kept_exactly(tmp_path):
    end = (9.0, 0.3, 1 / 3, 0.123456789)
    write_table(tmp_path / "t.h5", read(tmp_path, *[record(end=end)] * 3))
    (result,) = open_table(tmp_path / "t.h5").query([Candidate(INCEPTION)])
    for name, value in zip(tfrecords.SAID[1:], end[1:], strict=True):
        assert result.metrics[name] == pytest.approx(100 * value, rel=1e-15)


def test_a_file_of_one_length_has_one(tmp_path):
    made = read(tmp_path, *[record()] * 3)
    assert made.epochs == [108]
    assert [column.values.shape for column in made.columns[:-1]] == [(1, 3, 1)] * 8


def test_names_of_checkpoints_are_skipped(tmp_path):
    made = read(tmp_path, *[record(path=b"/model.ckpt-" + b"1" * 200)] * 3)
    assert made.cost_s.tolist() == [9.0]


def test_missing_repeats_are_missing_and_counted(tmp_path):
    other = SPACE.parse("011001000 input,maxpool3x3,output")
    rows = [record(), record(), record(epochs=4), record(other), record(other, epochs=4)]
    made = read(tmp_path, *rows)
    assert "2 of the 423,624 cells; 7 of their trainings are missing" in made.source
    write_table(tmp_path / "t.h5", made)
    table = open_table(tmp_path / "t.h5")
    row, thin = table.rows_of([INCEPTION.genes, other.genes])
    assert table.status[row].tolist() == [1, 1, 0]
    assert table.status[thin].tolist() == [1, 0, 0]
    known = np.isfinite(table.curves("valid_accuracy"))
    assert known[row].tolist() == [[True, True], [False, True], [False, False]]
    assert known.sum() == 5
    (told,) = (each.detail for each in checks.check(table) if each.what == "everything is trained")
    assert told == "3 of 6 trainings have values, imported as given; 1 of them lack some epochs"
    lines = frame(table)
    assert len(lines) == 5
    assert np.isfinite(lines.valid_accuracy).all()
    values = syne_tune.evaluations(table, np.array([row, thin]))
    assert (np.isfinite(values).all(axis=-1) == known[[row, thin]]).all()
    assert (np.isnan(values).all(axis=-1) == ~known[[row, thin]]).all()


def test_a_file_that_ends_between_records_says_how_many_cells_it_has(data, tmp_path):
    (tmp_path / "cut.tfrecord").write_bytes(b"".join(data[0][:12]))
    made = nasbench101.read(tmp_path / "cut.tfrecord")
    assert f"; {len(made.genes)} of the 423,624 cells" in made.source


def test_a_value_that_a_message_leaves_out_is_missing(tmp_path):
    matrix, ops = SPACE.pruned(INCEPTION)
    short = tfrecords.evaluation(54, 5.0, 0.5, 0.5, 0.5)[:-9]  # without the test accuracy
    end = tfrecords.evaluation(108, 9.0, 0.5, 0.5, 0.5)
    message = tfrecords.metrics([end, short, end], 10)
    data = tfrecords.row(SPACE.module_hash(INCEPTION), 108, matrix, ops, message)
    made = read(tmp_path, *[tfrecords.framed(data)] * 3)
    missing = {c.metric.name: int(np.isnan(c.values).sum()) for c in made.columns}
    assert {name for name, count in missing.items() if count} == {"halfway_test_accuracy"}


def test_isomorphic_cells_of_one_hash_are_one_row(tmp_path):
    matrix, ops = SPACE.pruned(INCEPTION)
    order = [0, 5, 3, 4, 1, 2, 6]
    twin = {"matrix": matrix[np.ix_(order, order)], "ops": [ops[v] for v in order]}
    assert len(read(tmp_path, record(), record(**twin), record()).genes) == 1


def changed(data, at, value):
    return data[:at] + bytes([data[at] ^ value]) + data[at + 1 :]


def json_record(*fields):
    return tfrecords.framed(json.dumps(fields).encode())


GOOD = json.loads(record()[12:-4])


@pytest.mark.parametrize(
    ("third", "complaint"),
    [
        (record()[:-1], "ends within record 3"),
        (record()[:7], "ends within record 3"),
        (record()[:12], "ends within record 3"),
        (changed(record(), 0, 1), "length of record 3"),
        (changed(record(), 9, 1), "length of record 3"),
        (changed(record(), 40, 32), "data of record 3"),
        (changed(record(), -1 % len(record()), 1), "data of record 3"),
        (tfrecords.framed(bytes(2**20 + 1)), "record 3 has 1,048,577 bytes"),
        (tfrecords.framed(b""), "record 3: "),
        (tfrecords.framed(b"\xff\xfe"), "record 3: .*utf-8"),
        (tfrecords.framed(b"[" * 100_000), "record 3: "),
        (tfrecords.framed(b"{}"), "record 3: it is no list"),
        (json_record(*GOOD[:4]), "record 3: it is no list"),
        (json_record(None, *GOOD[1:]), "record 3: it is no list"),
        (json_record(GOOD[0], True, *GOOD[2:]), "record 3: it is no list"),
        (json_record(GOOD[0], 108.0, *GOOD[2:]), "record 3: it is no list"),
        (json_record(GOOD[0], 5, *GOOD[2:]), "record 3: it is of 5 epochs"),
        (json_record("0" * 32, *GOOD[1:]), "record 3: its hash"),
        (json_record(*GOOD[:2], "0110", *GOOD[3:]), "record 3: .*upper triangular"),
        (json_record(*GOOD[:2], "012", *GOOD[3:]), "record 3: .*square matrix"),
        (json_record(*GOOD[:2], "", *GOOD[3:]), "record 3: .*square matrix"),
        (json_record(*GOOD[:2], "0100", *GOOD[3:]), "record 3: .*does not go with"),
        (json_record(*GOOD[:3], "input,output", GOOD[4]), "record 3: .*does not go with"),
        (json_record(*GOOD[:3], "input,relu,output", GOOD[4]), "record 3: .*no operations"),
        (json_record(*GOOD[:3], "", GOOD[4]), "record 3: .*no operations"),
        (json_record(*GOOD[:4], "AAA"), "record 3: .*padding"),
        (json_record(*GOOD[:4], "A?=="), "record 3: .*base64"),
        (json_record(*GOOD[:4], ""), "record 3: its metrics are not those"),
        (json_record(*GOOD[:4], GOOD[4][:40]), "record 3: its metrics end within"),
        (record(params=11), "record 3: it has 11 parameters"),
        (record(end=(9.0, 0.5, 1.5, 0.5)), "record 3: its seconds and fractions"),
        (record(end=(-9.0, 0.5, 0.5, 0.5)), "record 3: its seconds and fractions"),
        (record(end=(9.0, 0.5, float("inf"), 0.5)), "record 3: its seconds and fractions"),
    ],
)
def test_bad_records_are_refused_by_their_number(tmp_path, third, complaint):
    with pytest.raises(TableFault, match=complaint):
        read(tmp_path, record(), record(), third)


def test_an_error_does_not_quote_a_whole_record(tmp_path):
    with pytest.raises(TableFault, match="record 1") as caught:
        read(tmp_path, json_record("x" * 900_000, *GOOD[1:]))
    assert len(str(caught.value)) < 1000


def test_a_fourth_training_is_refused(tmp_path):
    with pytest.raises(TableFault, match=r"record 4: .*has 3 trainings of 108 epochs"):
        read(tmp_path, *[record()] * 4)


def test_vertices_in_another_order_are_noticed_by_the_hash(tmp_path):
    matrix, ops = SPACE.pruned(PUBLISHED)
    turned = matrix[::-1, ::-1].T  # upper triangular still
    for other in ({"matrix": turned}, {"ops": [ops[0], *ops[-2:0:-1], ops[-1]]}):
        with pytest.raises(TableFault, match="another order"):
            read(tmp_path, record(PUBLISHED, **other))


def test_a_matrix_that_is_not_pruned_is_refused(tmp_path):
    matrix = np.triu(np.ones((4, 4), int), 1)
    matrix[1, 2:] = 0
    with pytest.raises(TableFault, match="vertices on no path"):
        read(tmp_path, record(matrix=matrix, ops=["input", "maxpool3x3", "maxpool3x3", "output"]))


@pytest.mark.parametrize(
    "message",
    [
        b"\x80" * 12,  # a number that does not end
        b"\x0b",  # a group
        b"\x0a\xff\xff\xff\xff\x0f",  # longer than the message
        tfrecords.metrics([b"\x18\x01"] * 3, 1),  # an accuracy that is a whole number
        tfrecords.metrics([b"\x1d\x00\x00\x00\x00"] * 3, 1),  # or of single precision
        tfrecords.metrics([b""] * 2, 1),
        tfrecords.metrics([b""] * 4, 1),
        tfrecords.metrics([b""] * 3, 1 << 40),
    ],
)
def test_messages_that_are_no_metrics_are_refused(tmp_path, message):
    with pytest.raises(TableFault, match=r"record 1: .*metrics"):
        read(tmp_path, json_record(*GOOD[:4], base64.b64encode(message).decode()))


@pytest.mark.parametrize("text", ["", "a text that is no record\n" * 9])
def test_other_files_are_refused(tmp_path, text):
    (tmp_path / "other.txt").write_text(text)
    with pytest.raises(TableFault, match=r"is empty|the length of record 1"):
        nasbench101.read(tmp_path / "other.txt")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(TableFault, match="cannot be read"):
            nasbench101.read(path)


def test_without_the_checksum_library_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "google_crc32c", None)
    with pytest.raises(MissingExtra, match=r"nasbench-lab\[nasbench101\]"):
        list(records(tmp_path / "any"))


def test_progress_ends_with_the_size_of_the_file(tmp_path):
    told = []
    path = tmp_path / "file.tfrecord"
    path.write_bytes(record() * 3)
    nasbench101.read(path, progress=lambda *two: told.append(two))
    assert told[-1] == (path.stat().st_size,) * 2


def test_the_longest_number_of_a_length_is_not_believed(tmp_path):
    head = struct.pack("<Q", 2**63)
    path = tmp_path / "huge.tfrecord"
    path.write_bytes(head + tfrecords.checksum(head))
    with pytest.raises(TableFault, match="record 1 has"):
        nasbench101.read(path)
