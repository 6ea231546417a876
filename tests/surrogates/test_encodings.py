import networkx
import numpy as np
import pytest

from nasbench import registry
from nasbench.errors import InvalidConfig
from nasbench.spaces import paths
from surrogates import encodings
from surrogates.features import Features


@pytest.fixture(scope="module")
def space():
    return registry.space("cell201-v1")


@pytest.fixture(scope="module")
def archs(space):
    return space.sample(60, np.random.default_rng(4))


@pytest.fixture(scope="module")
def graphs(space, archs):
    return encodings.graphs(space, archs)


def test_twins_are_encoded_alike(space):
    cells = space.sample(200, np.random.default_rng(2))
    twins = [space.canonical(cell) for cell in cells]
    assert twins != cells
    features = Features.learn(space, cells)
    assert np.array_equal(features(cells), features(twins))
    assert np.array_equal(encodings.one_hot(space, cells), space.encode(twins))


def test_path_counts_are_what_walking_every_path_finds(graphs):
    known = paths.likely([paths.paths(graph) for graph in graphs], 1000)
    counted = encodings.path_counts(graphs, known)
    for row, graph in zip(counted, graphs, strict=True):
        walker = networkx.MultiDiGraph()
        walker.add_nodes_from(range(len(graph.labels)))
        for source, target, multiplicity in graph.edges:
            walker.add_edges_from([(source, target)] * multiplicity)
        walks = networkx.all_simple_edge_paths(walker, 0, len(graph.labels) - 1)
        met = [tuple(graph.labels[edge[1]] for edge in walk[:-1]) for walk in walks]
        assert row.tolist() == [met.count(path) for path in known]


def test_paths_without_a_column_are_left_out(graphs):
    assert encodings.path_counts(graphs, [("nowhere",)]).sum() == 0
    assert encodings.label_counts(graphs, ["nowhere"]).sum() == 0


def test_label_counts_are_counts(graphs):
    labels = encodings.vocabulary(graphs)
    counted = encodings.label_counts(graphs, labels)
    assert counted.tolist() == [[graph.labels.count(each) for each in labels] for graph in graphs]


def test_a_padded_batch_has_the_nodes_and_edges_of_its_graphs(graphs):
    labels = encodings.vocabulary(graphs)
    batch = encodings.padded(graphs, labels, 9)
    for k, graph in enumerate(graphs):
        size = len(graph.labels)
        assert [labels[mark - 1] for mark in batch.labels[k, :size]] == list(graph.labels)
        assert not batch.labels[k, size:].any()
        places = zip(*np.nonzero(batch.edges[k]), strict=True)
        assert tuple((int(a), int(b), int(batch.edges[k, a, b])) for a, b in places) == graph.edges


def test_adjacency_tells_different_classes_apart(space, archs, graphs):
    batch = encodings.padded(graphs, encodings.vocabulary(graphs), 9)
    rows = encodings.adjacency(batch)
    assert rows.shape == (60, 36 + 9 * len(batch.vocabulary))
    classes = len(set(encodings.canonical(space, archs)))
    assert len(np.unique(rows, axis=0)) == classes


def test_graphs_that_do_not_fit_are_refused(graphs):
    with pytest.raises(InvalidConfig, match="at most 3 nodes"):
        encodings.padded(graphs, encodings.vocabulary(graphs), 3)
    with pytest.raises(InvalidConfig, match="unknown labels: avg_pool_3x3"):
        encodings.padded(graphs, encodings.vocabulary(graphs)[1:], 9)


def test_features_are_named_and_survive_json(space, archs):
    import json

    features = Features.learn(space, archs)
    assert len(features.names) == len(set(features.names)) == features(archs).shape[1]
    again = Features.restore(space, json.loads(json.dumps(features.state())))
    assert again.names == features.names
    assert np.array_equal(again(archs), features(archs))
