import ast
import json
from importlib import metadata
from pathlib import Path

import pytest

import nasbench
from nasbench import errors, registry


@pytest.fixture
def entries(monkeypatch):
    """Replaces what is installed: call it with (name, value) pairs, all put in every group."""

    def install(*pairs):
        def entry_points(*, group):
            return [metadata.EntryPoint(name, value, group) for name, value in pairs]

        clear()
        monkeypatch.setattr(registry.metadata, "entry_points", entry_points)

    def clear():
        registry._entry_points.cache_clear()
        registry._made.cache_clear()

    yield install
    monkeypatch.undo()
    clear()


def test_whatever_a_module_raises_makes_a_broken_plugin(entries, tmp_path, monkeypatch):
    (tmp_path / "raising_plugin.py").write_text("raise RuntimeError('no GPU here')\n")
    monkeypatch.syspath_prepend(tmp_path)
    entries(("broken", "raising_plugin:Searcher"))
    with pytest.raises(errors.BrokenPlugin, match="does not import: RuntimeError: no GPU here"):
        registry.resolve(registry.SEARCHERS, "broken")


def test_an_error_of_our_own_is_not_disguised(entries, tmp_path, monkeypatch):
    code = "from nasbench.errors import MissingExtra\nraise MissingExtra('install the extra')\n"
    (tmp_path / "wanting_plugin.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    entries(("wanting", "wanting_plugin:Searcher"))
    with pytest.raises(errors.MissingExtra, match="install the extra"):
        registry.resolve(registry.SEARCHERS, "wanting")


def test_names_are_sorted(entries):
    entries(("b", "json:dumps"), ("a", "json:loads"))
    assert registry.names(registry.SEARCHERS) == ["a", "b"]


def test_a_name_resolves_to_the_object_that_its_entry_names(entries):
    entries(("decode", "json:loads"))
    assert registry.resolve(registry.SEARCHERS, "decode") is json.loads


@pytest.mark.parametrize(
    ("group", "kind"),
    [
        (registry.SPACES, errors.UnknownSpace),
        (registry.TASKS, errors.UnknownTask),
        (registry.BENCHMARKS, errors.UnknownBenchmark),
        (registry.SEARCHERS, errors.UnknownSearcher),
        (registry.DEVICES, errors.UnknownDevice),
        (registry.PREDICTORS, errors.UnknownName),
    ],
)
def test_an_unknown_name_gets_its_own_error_and_a_suggestion(entries, group, kind):
    entries(("random-search", "json:loads"), ("darts", "json:dumps"))
    with pytest.raises(kind) as caught:
        registry.resolve(group, "random-serch")
    assert type(caught.value) is kind
    assert "did you mean 'random-search'? Known: darts, random-search." in str(caught.value)


def test_a_name_unlike_all_others_gets_the_list_only(entries):
    entries(("darts", "json:dumps"))
    with pytest.raises(errors.UnknownSearcher) as caught:
        registry.searcher("zzz")
    assert "did you mean" not in str(caught.value)
    assert "unknown searcher 'zzz'; Known: darts." in str(caught.value)


def test_a_name_claimed_twice_is_an_error_that_names_both(entries):
    entries(("darts", "json:dumps"), ("darts", "json:loads"))
    with pytest.raises(errors.DuplicateName, match="json:dumps and json:loads; uninstall one"):
        registry.names(registry.SEARCHERS)


def test_one_entry_seen_twice_is_no_duplicate(entries):
    entries(("darts", "json:dumps"), ("darts", "json:dumps"))
    assert registry.names(registry.SEARCHERS) == ["darts"]


@pytest.mark.parametrize("value", ["no_such_module_here:X", "json:no_such_function"])
def test_an_entry_that_does_not_import_is_a_broken_plugin(entries, value):
    entries(("broken", value))
    with pytest.raises(errors.BrokenPlugin, match="does not import"):
        registry.resolve(registry.SEARCHERS, "broken")


def test_a_space_is_one_object_per_name(entries):
    entries(("s", "collections:OrderedDict"))
    assert registry.space("s") is registry.space("s")


@pytest.mark.parametrize("name", ["a/b", "a/b@xgb", "a/b+latency", "a/b+latency@xgb"])
def test_what_is_made_of_a_table_is_named_after_it(name):
    assert registry.table_of(name) == "a/b"


def test_a_path_that_does_not_exist_is_an_unknown_benchmark(entries, tmp_path):
    entries(("cell/task", "collections:OrderedDict"))
    with pytest.raises(errors.UnknownBenchmark, match="did you mean 'cell/task'"):
        registry.benchmark("cell/tsk")
    with pytest.raises(errors.UnknownBenchmark):
        registry.benchmark(tmp_path / "nothing.h6")


def test_a_file_is_opened_by_the_format_of_its_suffix(entries, tmp_path):
    path = tmp_path / "table.h5"
    path.touch()
    entries((".h5", "builtins:str"))
    assert registry.benchmark(path) == str(path)


def test_a_file_of_an_unknown_format_says_which_are_known(entries, tmp_path):
    entries((".h5", "builtins:str"))
    for name in ("table.xyz", "passwd"):
        (tmp_path / name).touch()
        with pytest.raises(errors.UnknownBenchmark, match=rf"{name} is no benchmark: .* \.h5"):
            registry.benchmark(tmp_path / name)


def test_the_provider_of_a_name_is_its_distribution():
    assert registry.provider(registry.SPACES, "cell201-v1") == "nasbench-lab"
    assert registry.provider(registry.SPACES, "no-such-space") == ""


GROUPS = [
    value for name, value in vars(registry).items() if name.isupper() and isinstance(value, str)
]


@pytest.mark.parametrize(
    ("group", "name"), [(group, name) for group in GROUPS for name in registry.names(group)]
)
def test_every_entry_point_of_this_project_imports(group, name):
    assert registry.resolve(group, name) is not None


def test_everything_that_the_facade_lists_is_there_and_nothing_else_is_public():
    assert sorted(nasbench.__all__) == nasbench.__all__
    for name in nasbench.__all__:
        assert getattr(nasbench, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing_of_that_name'"):
        nasbench.nothing_of_that_name  # noqa: B018


def test_the_facade_is_not_imported_from_inside():
    root = Path(nasbench.__file__).parent
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "nasbench":
                assert not {alias.name for alias in node.names} & set(nasbench.__all__), path
