import pytest

from nasbench.training.version import code_version
from tabular import maker


def test_a_maker_tells_code_and_libraries():
    made = maker.maker("nasbench.spaces.cell201")
    assert made.code == code_version("nasbench.spaces.cell201")
    assert {"python", "numpy", "torch"} == set(made.versions)
    assert made.code in str(made)
    assert f"numpy {made.versions['numpy']}" in str(made)


def test_makers_are_equal_whatever_the_order_of_their_libraries():
    a = maker.Maker("c", {"numpy": "2", "torch": "3"})
    b = maker.Maker("c", {"torch": "3", "numpy": "2"})
    assert a == b
    assert str(a) == str(b)


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
