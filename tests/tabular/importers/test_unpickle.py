import pickle

import pytest

from nasbench.errors import TableFault
from tabular.importers.unpickle import load


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
