from nasbench.searchers import implicit_darts
from nasbench.searchers.implicit_darts import Config
from nasbench.testing.games import noise_data
from nasbench.training.levels import Levels


def test_the_upper_level_moves_once_every_so_many_steps_on_both_splits(rng, monkeypatch):
    done, lower, upper = [], Levels.lower, Levels.upper

    def spy_lower(self, train):
        done.append("w")
        lower(self, train)

    def spy_upper(self, train, valid):
        done.append("alpha")
        assert train[0].shape == valid[0].shape
        assert not (train[0] == valid[0]).all()
        upper(self, train, valid)

    monkeypatch.setattr(Levels, "lower", spy_lower)
    monkeypatch.setattr(Levels, "upper", spy_upper)
    config = Config(epochs=3, batch_size=16, every=4, channels=2)
    alphas = list(implicit_darts._alphas(noise_data(), rng, config))
    assert done == ["w"] * 4 + ["alpha"] + ["w"] * 2
    assert (alphas[0] != alphas[1]).any()
    assert (alphas[1] == alphas[2]).all()
