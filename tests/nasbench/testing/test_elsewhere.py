import os
import sys

import pytest

from nasbench.testing.elsewhere import call_elsewhere, print_elsewhere

pytestmark = pytest.mark.slow


def test_it_is_another_process_with_another_hash_seed():
    assert call_elsewhere(os.getpid) != os.getpid()
    assert call_elsewhere(os.getenv, "PYTHONHASHSEED") != os.environ.get("PYTHONHASHSEED")
    assert call_elsewhere(hash, "nas") != hash("nas")


def test_it_stays_for_the_next_call():
    assert call_elsewhere(os.getpid) == call_elsewhere(os.getpid)


def test_what_is_printed_does_not_disturb():
    assert call_elsewhere(print, "hello") is None
    assert call_elsewhere(os.write, 1, b"hello") == 5
    assert call_elsewhere(len, "abc") == 3


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ((int, "x"), "invalid literal"),
        ((memoryview, b"x"), "cannot pickle"),  # a result that cannot come back
        ((sys.exit, "gone"), "gone"),
        ((os._exit, 3), "terminated abruptly"),
    ],
)
def test_a_failure_is_told_and_the_next_call_is_answered(call, said):
    with pytest.raises(pytest.fail.Exception, match=said):
        call_elsewhere(*call)
    assert call_elsewhere(len, "abc") == 3


def test_a_program_prints_elsewhere_and_leaves_paths_and_arguments_alone():
    program = "import os, sys; print(os.getpid(), *sys.argv); sys.path.insert(0, 'mine')"
    pid, *words = print_elsewhere(program, "a", "b c").split()
    assert int(pid) == call_elsewhere(os.getpid) != os.getpid()
    assert words == ["-c", "a", "b", "c"]
    assert print_elsewhere("import sys; print('mine' in sys.path)") == "False\n"
