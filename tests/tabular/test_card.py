import re
from pathlib import Path

import fakes
import numpy as np
import pytest
from scipy.stats import kendalltau
from test_importing import content
from typer.testing import CliRunner

from nasbench import registry
from nasbench.core import Architecture
from nasbench.errors import InvalidConfig, TableFault
from tabular import card, card_facts, embedded, schema
from tabular.commands import app
from tabular.hdf5 import open_table, write_table

PAGES = Path(__file__).parents[2] / "docs/tables"


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    """Tables of three seeds and of one, whose values are those of `fakes.curve`."""
    folder = tmp_path_factory.mktemp("card")
    fakes.build(folder / "three.h5", seeds=(0, 1, 2))
    fakes.build(folder / "one.h5", seeds=(5,))
    return {name: open_table(folder / f"{name}.h5", fakes.SPACE) for name in ("three", "one")}


@pytest.fixture(scope="module")
def pages(toys):
    return {
        "three": card.page(toys["three"], [toys["one"]], "three"),
        "one": card.page(toys["one"], [], "one"),
    }


def imported(tmp_path, **changes):
    path = tmp_path / "imported.h5"
    write_table(path, content(**changes))
    return open_table(path, fakes.SPACE)


def curves(table, split):
    """Final accuracy (rows, seeds) of every training, not by way of the table."""
    return np.array(
        [
            [
                getattr(fakes.curve(tuple(genes), seed, 4), f"{split}_accuracy")[-1]
                for seed in table.seeds
            ]
            for genes in table.genes.tolist()
        ],
        dtype=np.float64,
    )


def line(text, start):
    """Cells of the one line of a page's tables that starts like this."""
    (found,) = re.findall(rf"^\| {re.escape(start)} \|(.*)\|$", text, flags=re.MULTILINE)
    return [cell.strip() for cell in found.split("|")]


def tau(a, b):
    return f"{kendalltau(a, b).statistic:.3f}"


def test_validation_and_test_are_compared_seed_by_seed(toys, pages):
    valid, test = curves(toys["three"], "valid"), curves(toys["three"], "test")
    text, _ = pages["three"]
    each = [kendalltau(valid[:, k], test[:, k]).statistic for k in range(3)]
    for seed in range(3):
        assert line(text, f"seed {seed}")[0] == f"{each[seed]:.3f}"
    assert line(text, "mean of these")[0] == f"{np.mean(each):.3f}"
    means = tau(valid.mean(axis=1).round(4), test.mean(axis=1).round(4))
    assert line(text, "of the means over seeds")[0] == means


def test_validation_and_test_are_compared_at_the_top(toys, pages):
    valid, test = (curves(toys["three"], split)[:, 0] for split in ("valid", "test"))
    best = valid >= np.quantile(valid, 0.75)
    assert line(pages["three"][0], "seed 0")[1] == tau(valid[best], test[best])


def test_noise_is_that_of_the_seeds(toys, pages):
    valid = curves(toys["three"], "valid")
    pooled = np.sqrt(np.mean([np.var(row, ddof=1) for row in valid]))
    between = np.mean(
        [kendalltau(valid[:, i], valid[:, j]).statistic for i, j in ((0, 1), (0, 2), (1, 2))]
    )
    text, _ = pages["three"]
    assert line(text, "standard deviation between seeds (points)")[0] == f"{pooled:.2f}"
    assert line(text, "Kendall's tau between two seeds")[0] == f"{between:.3f}"


def test_what_one_seed_cannot_tell_is_said(pages):
    text, _ = pages["one"]
    assert "cannot be known from it" in text
    assert "between two seeds" not in text
    assert "mean of these" not in text


def test_quantiles_are_those_of_all_rows(toys, pages):
    valid = curves(toys["one"], "valid")[:, 0]
    expected = np.percentile(valid, [0, 5, 25, 50, 75, 95, 100])
    assert line(pages["one"][0], "valid") == [f"{value:.2f}" for value in expected]


def test_ties_are_counted_in_pairs(toys, pages):
    valid = curves(toys["one"], "valid")[:, 0]
    n = len(valid)
    tied = sum(valid[i] == valid[j] for i in range(n) for j in range(i)) / (n * (n - 1) / 2)
    assert f"{100 * tied:.2f} % have the same valid_accuracy" in pages["one"][0]


def test_sizes_are_correlated_with_accuracy(toys, pages):
    table, (text, _) = toys["one"], pages["one"]
    valid = curves(table, "valid")[:, 0]
    for name in ("params", "macs", "cost_s"):
        values = table.cost_s() if name == "cost_s" else table.values(name)
        assert line(text, name)[-1] == tau(values, valid)


def test_early_rankings_are_compared_with_the_final_one(toys, pages):
    table = toys["three"]
    means = table.curves("valid_accuracy").mean(axis=1).round(4)
    expected = [tau(means[:, k], means[:, -1]) for k in range(3)]
    assert line(pages["three"][0], "tau of valid_accuracy") == expected


def test_tables_of_a_space_are_compared(toys, pages):
    a, b = curves(toys["three"], "valid").mean(axis=1), curves(toys["one"], "valid")[:, 0]
    assert f"{tau(a.round(4), b)} (80)" in pages["three"][0]


def test_the_best_and_the_worst_are_named_with_their_scores(toys, pages):
    table, (text, images) = toys["one"], pages["one"]
    valid, test = curves(table, "valid")[:, 0], curves(table, "test")[:, 0]
    best, worst = int(valid.argmax()), np.flatnonzero(valid == valid.min())[-1]
    arch = Architecture(fakes.SPACE.name, tuple(table.genes[best].tolist()))
    assert f"is `{fakes.SPACE.format(arch)}`" in text
    for row in (best, worst):
        assert f"valid {valid[row]:.2f}, test {test[row]:.2f}" in text
    assert {f"one/{end}-{k}.png" for end in ("best", "worst") for k in (1, 2, 3)} < set(images)


def test_costs_and_the_commands_are_those_of_the_table(toys, pages):
    table, (text, _) = toys["three"], pages["three"]
    hours = sum(
        fakes.curve(tuple(g), s, 4).train_s for g in table.genes.tolist() for s in table.seeds
    )
    assert f"Its 240 trainings took {hours / 3600:.1f} CPU-hours" in text
    assert (
        "nasbench table build toy-2x3x4x5-v1 fake-task -o toy-2x3x4x5_fake-task.h5 --seeds 0,1,2"
        in text
    )
    assert "nasbench table cost" not in text  # the costs are those of the build


def test_the_page_of_a_sample_says_so_and_how_to_train_the_same(tmp_path, monkeypatch, toys):
    monkeypatch.setattr(card_facts, "knows_all", lambda table: False)
    text, _ = card.page(toys["one"], [], "one")
    assert "| rows | 80, one for each class, a sample of the space |" in text
    assert "fake-task --archs one.h5 -o again.h5 --seeds 5" in text


def test_a_page_names_its_table_and_shows_every_picture(toys, pages):
    for name, (text, images) in pages.items():
        assert f"`{toys[name].sha256}`" in text
        assert set(re.findall(r"\]\((.+?\.png)\)", text)) == set(images)
        assert all(data.startswith(b"\x89PNG") for data in images.values())


def test_pictures_are_linked_from_pages_with_spaces_in_their_names(toys):
    text, images = card.page(toys["one"], [], "my card")
    assert "(my%20card/best-1.png)" in text
    assert "my card/best-1.png" in images


def test_the_same_table_gives_the_same_bytes(toys, pages):
    again = open_table(toys["three"].source.path, fakes.SPACE)
    assert card.page(again, [toys["one"]], "three") == pages["three"]


def test_a_table_without_recipe_and_test_split_says_so(tmp_path):
    text, images = card.page(imported(tmp_path), [], "x")
    assert "not by this project; made up" in text
    assert "holds valid_accuracy after 12 epochs only" in text
    assert "does not hold the accuracy of the same networks on both" in text
    assert "cannot train it again" in text
    assert "x/curves.png" not in images
    assert "recipe" not in text


def test_missing_values_are_counted_and_left_out(tmp_path):
    values = np.linspace(10, 90, 80)[:, None, None].repeat(2, axis=1)
    values[:30, 1] = np.nan
    status = np.full((80, 2), schema.TRAINED, np.uint8)
    column = schema.Column(schema.METRICS["valid_accuracy"], values)
    table = imported(
        tmp_path, columns=[column], seeds=[0, 1], status=status, train_s=np.full((80, 2), np.nan)
    )
    text, _ = card.page(table, [], "x")
    assert line(text, "missing values") == ["valid_accuracy 30"]
    assert "Over 50 architectures" in text


def test_epochs_without_the_accuracy_have_no_curve(tmp_path):
    values = np.full((80, 1, 3), np.nan)
    values[:, 0, 2] = np.linspace(10, 90, 80)
    column = schema.Column(schema.METRICS["valid_accuracy"], values)
    text, images = card.page(imported(tmp_path, columns=[column], epochs=[1, 2, 3]), [], "x")
    assert "holds valid_accuracy after 3 epochs only" in text
    assert "x/curves.png" not in images


def test_a_partly_trained_table_has_a_page(tmp_path):
    fakes.build(tmp_path / "p.h5", limit=3)
    text, images = card.page(open_table(tmp_path / "p.h5", fakes.SPACE), [], "p")
    assert line(text, "trained") == ["3 of 80, 0 diverged"]
    assert "p/best-1.png" in images
    fakes.build(tmp_path / "p.h5")
    fakes.build(tmp_path / "p.h5", seeds=(0, 1), limit=4)
    text, _ = card.page(open_table(tmp_path / "p.h5", fakes.SPACE), [], "p")
    found = re.search(r"means over 1 to 2 seeds \((\d+) of (\d+) rows have them all\)", text)
    assert found
    assert 0 < int(found[1]) < int(found[2])


def test_a_table_without_accuracy_is_refused(tmp_path):
    loss = schema.Column(schema.METRICS["valid_loss"], np.ones((80, 1, 1)))
    with pytest.raises(TableFault, match="neither a validation nor a test accuracy"):
        card.page(imported(tmp_path, columns=[loss]), [], "x")


def test_tables_of_other_spaces_are_not_compared(toys):
    other = registry.benchmark("cell201/digits-on-photos")
    with pytest.raises(InvalidConfig, match="of the space cell201-v1"):
        card.page(toys["one"], [other], "one")


@pytest.fixture
def run(toys, monkeypatch):
    known = {"toy/three": toys["three"], "toy/one": toys["one"]}
    monkeypatch.setattr(registry, "benchmark", known.__getitem__)
    monkeypatch.setattr(registry, "names", lambda group: sorted(known))

    def invoke(*words, code=0):
        result = CliRunner().invoke(app, ["card", *map(str, words)], catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result

    return invoke


def test_the_command_compares_with_every_registered_table(run, tmp_path, pages):
    run("toy/three", "-o", tmp_path / "three.md")
    assert (tmp_path / "three.md").read_text() == pages["three"][0]
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.png")}
    assert written == set(pages["three"][1])


def test_the_command_compares_with_the_named_tables_only(run, tmp_path):
    run("toy/three", "-o", tmp_path / "three.md", "--with", "toy/three")
    assert "No other table" in (tmp_path / "three.md").read_text()


def test_a_page_that_is_no_markdown_is_wrong_usage(run, tmp_path):
    assert ".md" in run("toy/one", "-o", tmp_path / "page.html", code=2).stderr


@pytest.mark.parametrize("name", embedded.NAMES)
def test_the_committed_page_is_about_the_table_that_ships(name):
    table = registry.benchmark(name)
    text = (PAGES / f"{table.name.replace('/', '_')}.md").read_text()
    assert text.startswith(f"# {table.name}\n")
    assert f"| sha256 | `{table.sha256}` |" in text, "the table changed: run `make pages`"
    assert f"`{table.sha256[:12]}`" in (PAGES / "README.md").read_text()
    for path in re.findall(r"\]\((.+?\.png)\)", text):
        assert (PAGES / path).is_file(), path


def test_every_table_that_a_committed_page_names_still_ships():
    known = {registry.benchmark(name).sha256[:12] for name in embedded.NAMES}
    for page in PAGES.glob("*.md"):
        named = re.findall(r"sha256 `([0-9a-f]{12})`", page.read_text())
        assert set(named) <= known, f"{page.name} is about another table: run `make pages`"


@pytest.mark.slow
def test_the_numbers_of_the_embedded_table_are_those_of_its_trainings():
    table = registry.benchmark("cell201/digits-on-photos")
    text = (PAGES / "cell201_digits-on-photos.md").read_text()
    valid, test = (table.curves(f"{s}_accuracy")[:, :, -1] for s in ("valid", "test"))
    assert line(text, f"seed {table.seeds[0]}")[0] == tau(valid[:, 0], test[:, 0])
    means = valid.mean(axis=1)
    assert line(text, "params")[-1] == tau(table.values("params"), means.round(9))
    expected = np.percentile(means, [0, 5, 25, 50, 75, 95, 100])
    assert line(text, "valid") == [f"{value:.2f}" for value in expected]
