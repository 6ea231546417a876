import subprocess
import sys

import pytest

from tabular import maker


def version(monkeypatch, source):
    text = maker._source
    monkeypatch.setattr(
        maker, "_source", lambda name: source if name == "nasbench.spaces.x" else text(name)
    )
    return maker.code_version("nasbench.spaces.x")


def test_the_code_version_changes_with_the_code_only(monkeypatch):
    plain = version(monkeypatch, "def f(x):\n    return x + 1\n")
    told = version(
        monkeypatch, 'def f(x):\n    """Adds one."""\n    # indeed\n    return (x + 1)\n'
    )
    changed = version(monkeypatch, "def f(x):\n    return x + 2\n")
    assert told == plain
    assert changed != plain


def test_the_code_version_follows_imports(monkeypatch):
    sources = {"nasbench.spaces.x": "from nasbench.spaces import y\n", "nasbench.spaces.y": "a = 1"}
    monkeypatch.setattr(maker, "_source", sources.get)
    before = maker.code_version("nasbench.spaces.x")
    sources["nasbench.spaces.y"] = "a = 2"
    assert maker.code_version("nasbench.spaces.x") != before


def test_the_trainer_is_part_of_the_code_version(monkeypatch):
    real = maker._source
    before = maker.code_version()
    monkeypatch.setattr(
        maker,
        "_source",
        lambda name: "pass" if name == "nasbench.training.train" else real(name),
    )
    assert maker.code_version() != before


def test_a_maker_tells_code_and_libraries():
    made = maker.maker("nasbench.spaces.cell201")
    assert made.code == maker.code_version("nasbench.spaces.cell201")
    assert {"python", "numpy", "torch"} == set(made.versions)
    assert made.code in str(made)
    assert f"numpy {made.versions['numpy']}" in str(made)


def test_makers_are_equal_whatever_the_order_of_their_libraries():
    a = maker.Maker("c", {"numpy": "2", "torch": "3"})
    b = maker.Maker("c", {"torch": "3", "numpy": "2"})
    assert a == b
    assert str(a) == str(b)


def test_another_process_is_the_same_maker_although_it_has_not_loaded_the_space():
    """Workers of a cluster get the space's name alone."""
    script = "from tabular.maker import maker; print(maker('nasbench.spaces.cell201').code)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == maker.maker("nasbench.spaces.cell201").code


def test_the_processor_has_a_name_and_its_vector_extensions(monkeypatch, tmp_path):
    listing = tmp_path / "cpuinfo"
    listing.write_text(
        "processor : 0\nmodel name : X\nflags : fpu avx2 sse2 fma avx\nflags : avx9\n"
    )
    monkeypatch.setattr(maker, "Path", lambda _: listing)
    maker._cpu.cache_clear()
    try:
        assert maker.processor("cpu").endswith(" avx avx2 fma")
        listing.unlink()
        maker._cpu.cache_clear()
        assert maker.processor("cpu")
    finally:
        maker._cpu.cache_clear()


@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_the_processor_of_a_gpu_is_its_name(monkeypatch, device):
    import torch

    monkeypatch.setattr(torch.cuda, "get_device_name", lambda name: f"GPU at {name}")
    assert maker.processor(device) == f"GPU at {device}"
