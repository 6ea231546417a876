import copy
import pickle
import zipfile

import natsfiles
import numpy as np
import pytest

from nasbench.errors import TableFault
from tabular import schema
from tabular.importers import nasbench201, nats


@pytest.fixture(scope="module")
def archs():
    missing = {("200", "cifar100", 888)}
    return {2: natsfiles.arch("tss", 2), 7: natsfiles.arch("tss", 7, missing=missing)}


@pytest.fixture(scope="module", params=[True, False], ids=["zip", "legacy"])
def file(tmp_path_factory, archs, request):
    path = tmp_path_factory.mktemp("nb201") / "NAS-Bench-201-v1_1-096897.pth"
    natsfiles.write_torch(path, natsfiles.torch_root(archs), zipped=request.param)
    return path


@pytest.mark.parametrize(("dataset", "hp"), [("cifar10-valid", "12"), ("cifar100", "200")])
def test_it_holds_what_a_folder_of_nats_bench_does(tmp_path, file, archs, dataset, hp):
    folder = natsfiles.write_folder(tmp_path / "tss", "tss", archs)
    found = nasbench201.read(file, dataset=dataset, schedule=hp)
    expected = nats.topology(folder, dataset=dataset, schedule=hp)
    assert found.name == expected.name
    assert found.source == expected.source.replace("NATS-Bench topology", "NAS-Bench-201 v1.1")
    ours, theirs = (schema.datasets(each) for each in (found, expected))
    assert schema.manifest({}, ours) == schema.manifest({}, theirs)


@pytest.mark.slow
@pytest.mark.parametrize("zipped", [True, False])
def test_files_that_torch_writes_are_read(tmp_path, archs, zipped):
    torch = pytest.importorskip("torch")
    made = natsfiles.torch_root(copy.deepcopy(archs))
    weights = {"conv": torch.ones(3)}
    made["arch2infos"][2]["full"]["all_results"]["cifar10", 777]["net_state_dict"] = weights
    path = tmp_path / "saved.pth"
    torch.save(made, path, _use_new_zipfile_serialization=zipped)
    content = nasbench201.read(path, dataset="cifar10", schedule="200")
    assert len(content.genes) == 2
    values = {column.metric.name: column.values for column in content.columns}
    given = archs[7]["200"]["all_results"]["cifar10", 999]["train_losses"]
    np.testing.assert_array_equal(values["train_loss"][1, 2], list(given.values()))


class Evil:
    def __reduce__(self):
        return print, ("run by the pickle",)


class Nested:
    """What gets from a harmless name to a harmful one."""

    def __reduce__(self):
        return getattr, (np.dtype, "__reduce__")


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(("hostile", "name"), [(Evil, r"\.print"), (Nested, r"\.getattr")])
def test_hostile_files_are_refused_and_not_run(tmp_path, archs, capsys, zipped, hostile, name):
    path = tmp_path / "evil.pth"
    natsfiles.write_torch(path, {**natsfiles.torch_root(archs), "x": hostile()}, zipped=zipped)
    with pytest.raises(TableFault, match=rf"evil\.pth wants to use \S+{name}"):
        nasbench201.read(path)
    assert capsys.readouterr().out == ""


def test_truncated_files_are_refused(tmp_path, file):
    for cut in (0, 100, file.stat().st_size // 2, file.stat().st_size - 40):
        path = tmp_path / "short.pth"
        path.write_bytes(file.read_bytes()[:cut])
        with pytest.raises(TableFault, match="short"):
            nasbench201.read(path)


def test_a_damaged_member_of_the_zip_is_refused(tmp_path, archs):
    path = tmp_path / "flipped.pth"
    natsfiles.write_torch(path, natsfiles.torch_root(archs), zipped=True)
    data = bytearray(path.read_bytes())
    data[data.index(b"meta_archs") + 100_000] ^= 1
    path.write_bytes(data)
    with pytest.raises(TableFault, match="flipped"):
        nasbench201.read(path)


def test_other_files_are_refused(tmp_path):
    plain, other = tmp_path / "plain.pth", tmp_path / "other.pth"
    plain.write_bytes(2 * pickle.dumps({"meta_archs": [], "arch2infos": {}}, 2))
    with pytest.raises(TableFault, match="not a file that torch saved"):
        nasbench201.read(plain)
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("data.txt", "text")
    with pytest.raises(TableFault, match=r"no data\.pkl"):
        nasbench201.read(other)
    natsfiles.write_torch(other, [1, 2], zipped=True)
    with pytest.raises(TableFault, match="no architectures"):
        nasbench201.read(other)
    with pytest.raises(TableFault, match="is no file"):
        nasbench201.read(tmp_path)


def test_a_zip_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("tabular.importers.unpickle.SMALL", 1 << 20)
    path = tmp_path / "bomb.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + pickle.dumps([bytes(1 << 23)], 4))
    with pytest.raises(TableFault, match="unpacks to far more"):
        nasbench201.read(path)
