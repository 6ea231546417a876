import bz2
import pickle

import natsfiles
import numpy as np
import pytest

from nasbench import registry
from nasbench.compat.nats_tables import SETS
from nasbench.core import Candidate
from nasbench.errors import TableFault, UnknownName, UnknownSchedule
from nasbench.testing.benchmarks import BenchmarkConformance
from tabular import checks, schema
from tabular.hdf5 import open_table, write_table
from tabular.importers import nats, trial_table, trials

IMPORTERS = {"tss": nats.topology, "sss": nats.size}
MISSING = {("200", "cifar100", 888), ("200", "cifar100", 999), ("12", "cifar10-valid", 111)}


@pytest.fixture(scope="module")
def made():
    """Three architectures for each space and schedule, the last without some of its seeds."""
    return {
        (kind, hp): {
            index: natsfiles.arch(kind, index, [hp], MISSING if index == 11 else ())
            for index in (9000, 0, 11)  # in no order
        }
        for kind, schedules in natsfiles.SCHEDULES.items()
        for hp in schedules
    }


@pytest.fixture(scope="module")
def sources(tmp_path_factory, made):
    """A folder of each."""
    base = tmp_path_factory.mktemp("nats")
    return {
        (kind, hp): natsfiles.write_folder(base / f"{kind}-{hp}", kind, archs)
        for (kind, hp), archs in made.items()
    }


@pytest.fixture
def folder(tmp_path):
    """A folder with one architecture, to be damaged."""
    return natsfiles.write_folder(tmp_path / "tss", "tss", {3: natsfiles.arch("tss", 3, ["12"])})


CASES = [
    *(("tss", hp, dataset) for hp in ("12", "200") for dataset in natsfiles.DATASETS),
    ("sss", "01", "cifar10-valid"),
    ("sss", "12", "cifar100"),
    ("sss", "90", "cifar10"),
]


@pytest.mark.parametrize(("kind", "hp", "dataset"), CASES)
def test_every_number_of_every_training_is_kept(sources, made, kind, hp, dataset):
    content = IMPORTERS[kind](sources[kind, hp], dataset=dataset, schedule=hp)
    columns = {column.metric.name: column.values for column in content.columns}
    space = registry.space(content.space)
    for row, index in enumerate(sorted(made[kind, hp])):
        record = made[kind, hp][index][hp]
        assert content.genes[row].tolist() == list(space.arch(index).genes)
        trained = [content.seeds[k] for k in np.flatnonzero(content.status[row])]
        assert trained == record["dataset_seed"][dataset]
        for repeat, seed in enumerate(content.seeds):
            given = record["all_results"].get((dataset, seed))
            for name, split in {"train": "train", **SETS[dataset]}.items():
                for what in ("loss", "accuracy"):
                    expected = by_epoch(given, name, what, int(hp))
                    found = columns[f"{split}_{what}"][row, repeat]
                    np.testing.assert_array_equal(found, expected)


def by_epoch(trial, name, what, epochs):
    """A curve of a record, NaN where it has none."""
    if trial is None:
        return np.full(epochs, np.nan)
    train, plural = name == "train", {"loss": "losses", "accuracy": "acc1es"}[what]
    values = trial[f"{'train' if train else 'eval'}_{plural}"]
    return [values.get(k if train else f"{name}@{k}", np.nan) for k in range(epochs)]


def test_what_is_missing_is_counted_and_said(tmp_path, sources):
    content = nats.topology(sources["tss", "200"], dataset="cifar100", schedule="200")
    write_table(tmp_path / "t.h5", content)
    table = open_table(tmp_path / "t.h5")
    assert table.status.tolist() == [[1, 1, 1], [1, 0, 0], [1, 1, 1]]
    coverage = (
        "NATS-Bench topology; 3 of the 15,625 architectures; 1 of them lack some of the 3 seeds"
    )
    assert content.source.startswith(coverage)
    assert "valid_accuracy is known after the last epoch only" in content.source
    stated = table.source.datasets["curves/valid_accuracy"]["attributes"]["missing"]
    assert stated == 9 * 199 + 2
    answer = table.query([Candidate(table.space.arch(11), 50)])[0]
    assert np.isnan(answer.metrics["valid_accuracy"])
    assert not np.isnan(answer.metrics["valtest_accuracy"])


@pytest.mark.parametrize("dataset", natsfiles.DATASETS)
def test_no_split_takes_the_place_of_another(sources, dataset):
    content = nats.topology(sources["tss", "12"], dataset=dataset, schedule="12")
    names = {column.metric.name: column.metric.split for column in content.columns}
    assert ("valid_accuracy" in names) == (dataset != "cifar10")
    assert ("valtest_accuracy" in names) == (dataset in ("cifar100", "ImageNet16-120"))
    assert names.get("valtest_accuracy", "test") == "test"  # no searcher may see it
    assert ("train and" in content.source or "all of" in content.source) == (dataset == "cifar10")


def test_times_that_are_scaled_are_columns_of_the_architecture(tmp_path, sources, made):
    content = nats.topology(sources["tss", "200"], dataset="cifar100", schedule="200")
    by_name = {column.metric.name: column for column in content.columns}
    record = made["tss", "200"][9000]["200"]["all_results"]["cifar100", 777]
    assert by_name["train_epoch_s"].metric.split == "static"
    assert by_name["train_epoch_s"].values[2] == record["train_times"][0]
    assert by_name["valid_epoch_s"].values[2] == record["eval_times"]["x-valid@7"]
    assert np.isnan(content.train_s).all()
    assert content.cost_s[2] == pytest.approx(200 * record["train_times"][0])
    assert "scaled" in content.source
    assert content.measured == "given"


def test_params_macs_and_latency_have_the_units_of_tables(sources, made):
    content = nats.size(sources["sss", "90"], dataset="cifar10", schedule="90")
    record = made["sss", "90"][11]["90"]["all_results"]["cifar10", 777]
    by_name = {column.metric.name: column.values for column in content.columns}
    assert by_name["params"][1] == round(record["params"] * 1e6)
    assert by_name["macs"][1] == round(record["flop"] * 1e6)
    assert by_name["params"].dtype == np.int64
    assert by_name["latency_ms[gpu-batch-256]"][1] == record["latency"][0] * 1000


def test_params_that_seeds_disagree_on_are_those_of_seed_888(tmp_path):
    faulty = natsfiles.arch("tss", 5)
    faulty["200"]["all_results"]["cifar10", 999]["params"] = np.float64(0.5)
    natsfiles.write_folder(tmp_path / "f", "tss", {5: faulty, 6: natsfiles.arch("tss", 6)})
    content = nats.topology(tmp_path / "f", dataset="cifar10", schedule="200")
    by_name = {column.metric.name: column.values for column in content.columns}
    expected = faulty["200"]["all_results"]["cifar10", 888]["params"]
    assert by_name["params"][0] == round(expected * 1e6)
    assert "disagree on the params of 1 architectures" in content.source


def test_times_of_their_own_are_kept_by_epoch(tmp_path):
    measured = natsfiles.arch("tss", 5, ["12"])
    trial = measured["12"]["all_results"]["cifar10", 111]
    trial["train_times"] = {k: 1.0 + k for k in range(12)}
    natsfiles.write_folder(
        tmp_path / "f", "tss", {4: natsfiles.arch("tss", 4, ["12"]), 5: measured}
    )
    content = nats.topology(tmp_path / "f", dataset="cifar10", schedule="12")
    by_name = {column.metric.name: column for column in content.columns}
    assert by_name["train_epoch_s"].values[1, 0].tolist() == [1.0 + k for k in range(12)]
    assert by_name["train_epoch_s"].metric.split == "train"
    assert content.train_s[1, 0] == content.cost_s[1] == 78


def test_a_partial_table_passes_every_check_and_says_how_partial_it_is(tmp_path, sources):
    write_table(
        tmp_path / "t.h5", nats.topology(sources["tss", "12"], dataset="cifar10", schedule="12")
    )
    found = list(checks.check(open_table(tmp_path / "t.h5")))
    assert [each.detail for each in found if not each.passed] == []
    assert "3 of the 15,625 architectures of cell201-v1" in [each.detail for each in found]


@pytest.mark.parametrize("kind", IMPORTERS)
def test_the_name_tells_data_set_and_epochs(sources, kind):
    content = IMPORTERS[kind](sources[kind, "12"], dataset="ImageNet16-120", schedule="12")
    first = {"tss": "nb201", "sss": "nats-sss"}[kind]
    assert content.name == f"{first}/ImageNet16-120-12-epochs"
    assert content.space == natsfiles.SPACES[kind]


@pytest.mark.parametrize(("kind", "hp"), [("tss", "12"), ("sss", "01")])
def test_the_single_file_is_read_as_the_folder_is(tmp_path, sources, made, kind, hp):
    natsfiles.write_packed(tmp_path / "file", natsfiles.root(kind, made[kind, hp]))
    seen = []
    one, other = (
        IMPORTERS[kind](path, schedule=hp, progress=lambda *at: seen.append(at))
        for path in (tmp_path / "file", sources[kind, hp])
    )
    assert schema.manifest({}, schema.datasets(one)) == schema.manifest({}, schema.datasets(other))
    assert one.source == other.source
    assert (3, 3) in seen  # of the folder
    assert (3, len(natsfiles.strings(kind))) in seen


def test_unknown_options_are_refused(folder):
    with pytest.raises(UnknownName, match="did you mean 'cifar100'"):
        nats.topology(folder, dataset="cifar1000")
    with pytest.raises(UnknownSchedule, match="12, 200"):
        nats.topology(folder, schedule="90")
    with pytest.raises(UnknownSchedule, match="01, 12, 90"):
        nats.size(folder, schedule="1")
    with pytest.raises(TableFault, match="no training on cifar10-valid of 200 epochs"):
        nats.topology(folder, schedule="200")


def test_other_places_are_refused(tmp_path, folder):
    with pytest.raises(TableFault, match="does not exist"):
        nats.topology(tmp_path / "nowhere")
    with pytest.raises(TableFault, match="no folder for fast mode"):
        nats.topology(tmp_path)
    with pytest.raises(TableFault, match="unpack it"):
        nats.topology(tmp_path / "NATS-tss-v1_0-3ffb9-simple.tar")


def test_a_folder_of_the_other_space_is_refused(folder):
    with pytest.raises(TableFault, match="size-v1"):
        nats.size(folder)


def damaged(folder, change):
    """The file of architecture 3 after a change of its record of 12 epochs."""
    made = natsfiles.arch("tss", 3, ["12"])
    change(made["12"])
    natsfiles.write_packed(folder / "000003.pickle.pbz2", made)


def test_architectures_in_another_order_are_refused(folder):
    """As those of a list by NASLib, whose edges are ordered by source."""
    other = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|none~1|none~2|"
    damaged(folder, lambda record: record.update(arch_str=other))
    with pytest.raises(TableFault, match="another order"):
        nats.topology(folder, schedule="12")


def test_a_renamed_file_is_refused(folder):
    (folder / "000003.pickle.pbz2").rename(folder / "000004.pickle.pbz2")
    with pytest.raises(TableFault, match=r"000004.*architecture 3, not of 4"):
        nats.topology(folder, schedule="12")


def repeat_seeds(record, seeds):
    """One trial under many seeds, which costs a file little and an array much."""
    record["all_results"].update({("cifar10-valid", seed): trial_of(record) for seed in seeds})
    record["dataset_seed"]["cifar10-valid"] = list(seeds)


def trial_of(record):
    return record["all_results"]["cifar10-valid", 111]


@pytest.mark.parametrize(
    "change",
    [
        lambda record: trial_of(record)["train_losses"].update({3: "1.5"}),
        lambda record: trial_of(record)["train_losses"].update({3: True}),
        lambda record: trial_of(record).update(train_acc1es=[1.0] * 12),
        lambda record: trial_of(record)["train_acc1es"].pop(11),
        lambda record: trial_of(record).update(eval_names=["x-valid", "x-train"]),
        lambda record: trial_of(record).update(name="cifar10"),
        lambda record: trial_of(record).pop("flop"),
        lambda record: trial_of(record)["train_times"].update({3: -1.0}),
        lambda record: record.update(dataset_seed={"cifar10-valid": [111, 888]}),
        lambda record: record.update(dataset_seed=[111]),
        lambda record: repeat_seeds(record, range(9)),
        lambda record: record["all_results"].update({("cifar10-valid", 111): None}),
    ],
)
def test_records_of_other_types_are_refused(folder, change):
    damaged(folder, change)
    with pytest.raises(TableFault, match=r"000003.*architecture 3"):
        nats.topology(folder, schedule="12")


def test_accuracies_that_are_no_percentages_are_refused(folder):
    damaged(folder, lambda record: trial_of(record)["eval_acc1es"].update({"x-valid@0": 812.0}))
    with pytest.raises(TableFault, match="in percent"):
        nats.topology(folder, schedule="12")


def test_an_architecture_may_be_there_twice_only_with_the_same_numbers(folder):
    natsfiles.write_packed(folder / "3.pickle.pbz2", natsfiles.arch("tss", 3, ["12"]))
    assert len(nats.topology(folder, schedule="12").genes) == 1
    damaged(folder, lambda record: trial_of(record)["train_losses"].update({3: 1.5}))
    with pytest.raises(TableFault, match=r"architecture 3.*twice, with different train_loss"):
        nats.topology(folder, schedule="12")


@pytest.mark.parametrize("cut", [0, 10, 2000, -5])
def test_a_truncated_file_is_refused_and_named(folder, cut):
    path = folder / "000003.pickle.pbz2"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(TableFault, match="000003"):
        nats.topology(folder, schedule="12")


def test_a_flipped_bit_is_refused(folder):
    path = folder / "000003.pickle.pbz2"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(TableFault, match="000003"):
        nats.topology(folder, schedule="12")


class Evil:
    def __reduce__(self):
        return print, ("run by the pickle",)


def test_a_hostile_record_is_refused_and_not_run(folder, capsys):
    damaged(folder, lambda record: trial_of(record).update(params=Evil()))
    with pytest.raises(TableFault, match=r"000003.*builtins\.print"):
        nats.topology(folder, schedule="12")
    assert capsys.readouterr().out == ""


def test_a_file_that_unpacks_to_too_much_is_refused(folder, monkeypatch):
    monkeypatch.setattr("tabular.importers.unpickle.SMALL", 1 << 20)
    (folder / "000003.pickle.pbz2").write_bytes(bz2.compress(pickle.dumps([bytes(1 << 24)])))
    with pytest.raises(TableFault, match=r"000003.*unpacks to far more"):
        nats.topology(folder, schedule="12")


def test_records_that_the_single_file_lists_but_lacks_are_missed(tmp_path):
    broken = natsfiles.arch("tss", 3, ["12"])
    broken["12"].pop("arch_str")
    made = natsfiles.root("tss", {2: natsfiles.arch("tss", 2, ["12"]), 3: broken})
    natsfiles.write_packed(tmp_path / "f", made)
    with pytest.raises(TableFault, match=r"no record of 1 architectures that it lists.* 3"):
        nats.topology(tmp_path / "f", schedule="12")


def test_objects_that_a_long_pickle_comes_back_to_are_remembered(tmp_path, monkeypatch, made):
    """With a window so small that every shared object is out of it."""
    monkeypatch.setattr("tabular.importers.unpickle.RECENT", 5)
    monkeypatch.setattr("tabular.importers.machine.RECENT", 5)
    natsfiles.write_packed(tmp_path / "f", natsfiles.root("tss", made["tss", "12"]))
    content = nats.topology(tmp_path / "f", dataset="cifar10", schedule="12")
    expected = made["tss", "12"][0]["12"]["all_results"]["cifar10", 111]["train_losses"]
    by_name = {column.metric.name: column.values for column in content.columns}
    assert by_name["train_loss"][0, 0].tolist() == list(expected.values())
    assert content.status.tolist() == [[schema.TRAINED]] * 3


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The table of all architectures of the size space, after one epoch on cifar10-valid."""
    space = registry.space("size-v1")
    gathered = trials.Trials(space, "cifar10-valid", 1, "made up")
    rng, few = np.random.default_rng(0), []
    for index in range(97):  # whose numbers are those of all: making them takes a while
        text = space.format(space.arch(index))
        one = natsfiles.trial("sss", index, text, "01", "cifar10-valid", 777, rng)
        one |= {"params": float(one["params"]), "latency": [float(one["latency"][0])]}  # as read
        few.append(one)
    for index in reversed(range(len(space))):
        text = space.format(space.arch(index))
        one = few[index % len(few)]
        one = {**one, "arch_config": {**one["arch_config"], "channels": text}}
        gathered.take(
            {
                "arch_index": index,
                "arch_str": text,
                "dataset_seed": {"cifar10-valid": [777]},
                "all_results": {("cifar10-valid", 777): one},
            }
        )
    path = tmp_path_factory.mktemp("whole") / "whole.h5"
    made = {"name": "nats-sss/cifar10-valid-1-epochs", "origin": "made up", "times": "made up"}
    write_table(path, trial_table.content(gathered, **made))
    return open_table(path)


@pytest.mark.slow
class TestWhole(BenchmarkConformance):
    @pytest.fixture
    def benchmark(self, whole):
        return whole

    def test_every_check_passes(self, whole):
        assert [found.detail for found in checks.check(whole) if not found.passed] == []
