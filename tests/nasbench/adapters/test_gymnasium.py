import numpy as np
import pytest

from nasbench.core import Candidate, Result
from nasbench.errors import InvalidArchitecture, TestMetricRefused
from nasbench.testing.toy import ToyBenchmark, ToySpace

gymnasium = pytest.importorskip("gymnasium", reason="the extra gymnasium is not installed")

from nasbench.adapters.gymnasium import ID, CellEnv  # noqa: E402


@pytest.fixture
def toy():
    return ToyBenchmark(ToySpace((3, 3, 3)))


def test_it_passes_gymnasiums_own_check(toy):
    from gymnasium.utils.env_checker import check_env

    made = gymnasium.make(ID, benchmark=toy, render_mode="ansi")
    check_env(made.unwrapped)


def test_it_is_made_by_name_alone():
    made = gymnasium.make(f"nasbench.adapters.gymnasium:{ID}")
    assert made.unwrapped.benchmark.name == "cell201/digits-on-photos"
    assert made.action_space.n == 5


def test_an_episode_builds_one_architecture_and_ends_with_its_metric(toy):
    env = CellEnv(toy, "valid_loss")
    seen, _ = env.reset(seed=0)
    assert seen.tolist() == [0, 0, 0]
    rewards = []
    for choice in (2, 0, 1):
        seen, reward, ended, cut, info = env.step(choice)
        rewards.append(reward)
        assert not cut
    (known,) = toy.query([Candidate(toy.space.parse("2-0-1"))])
    assert seen.tolist() == [3, 1, 2]
    assert ended
    assert rewards == [0, 0, -known.metrics["valid_loss"]]
    assert info["cost_s"] == known.cost_s
    assert info["architecture"] == "2-0-1"
    assert not any("test" in key for key in info)


def test_the_mask_tells_the_choices_of_the_next_gene():
    env = CellEnv(ToyBenchmark(ToySpace((2, 3))), render_mode="ansi")
    _, info = env.reset()
    assert info["action_mask"].tolist() == [1, 1, 0]
    with pytest.raises(InvalidArchitecture, match=r"gene 0 has the choices 0\.\.1, got 2"):
        env.step(2)
    _, _, _, _, info = env.step(1)
    assert info["action_mask"].tolist() == [1, 1, 1]
    assert env.render() == "1 ?"
    _, _, _, _, info = env.step(2)
    assert info["action_mask"].tolist() == [0, 0, 0]
    with pytest.raises(InvalidArchitecture, match="call reset first"):
        env.step(0)


def test_failed_trainings_and_what_the_space_lacks_are_rewarded_as_failures(toy, monkeypatch):
    class Failing(ToyBenchmark):
        def query(self, candidates, *, noise_seed=None):
            answers = super().query(candidates)
            return [
                Result({**answer.metrics, "valid_loss": np.nan}, answer.cost_s)
                for answer in answers
            ]

    class Half(ToySpace):
        __slots__ = ()

        def is_valid(self, arch):
            return super().is_valid(arch) and arch.genes[0] == 0

    for broken in (Failing(ToySpace((3,))), ToyBenchmark(Half((3,)))):
        env = CellEnv(broken, "valid_loss", failed_reward=-7.0)
        env.reset()
        _, reward, ended, _, info = env.step(1)
        assert (reward, ended, info["failed"]) == (-7.0, True, True)


def test_the_noise_seed_decides_the_reward(toy):
    def reward(noise_seed):
        env = CellEnv(toy, noise_seed=noise_seed)
        env.reset()
        return [env.step(1)[1] for _ in range(3)][-1]

    assert reward(1) == reward(1) != reward(2)


def test_a_test_metric_is_no_reward(toy):
    with pytest.raises(TestMetricRefused):
        CellEnv(toy, "test_accuracy")
