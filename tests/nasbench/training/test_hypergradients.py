import pytest
import torch

from nasbench.training.hypergradients import implicit_gradient, unrolled_gradient


@pytest.fixture
def g():
    return torch.Generator().manual_seed(0)


def leaf(*shape, g):
    return torch.randn(*shape, generator=g, dtype=torch.float64, requires_grad=True)


@pytest.fixture
def smooth(g):
    """Losses that are not quadratic in w (two tensors) and mixed by alpha."""
    w, alpha = [leaf(4, 3, g=g), leaf(4, g=g)], leaf(2, 3, g=g)
    x, z = (torch.randn(8, 3, generator=g, dtype=torch.float64) for _ in range(2))

    def loss(data):
        def at(w=w):
            mixed = alpha.softmax(dim=1)
            hidden = torch.tanh(data @ (w[0] * mixed[0]).T) * w[1]
            return (hidden.sum(dim=1) - (data * mixed[1]).sum(dim=1)).square().mean()

        return at

    return w, alpha, loss(x), loss(z)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_unrolled_gradient_is_autograds_of_the_step(smooth, momentum):
    w, alpha, train, valid = smooth
    sgd = torch.optim.SGD(w, 0.1, momentum, weight_decay=0.02)
    for p, slope in zip(w, torch.autograd.grad(train(), w), strict=True):
        p.grad = slope
    sgd.step()  # fills the momentum
    before = [p.detach().clone() for p in w]
    found = unrolled_gradient(train, valid, alpha, sgd)

    slopes = torch.autograd.grad(train(), w, create_graph=True)
    after = []
    for p, slope in zip(w, slopes, strict=True):
        buffer = sgd.state[p].get("momentum_buffer")
        past = 0.0 if buffer is None else momentum * buffer
        after.append(p - 0.1 * (past + slope + 0.02 * p))
    expected = torch.autograd.grad(valid(after), alpha)[0]
    first_order = torch.autograd.grad(valid(), alpha)[0]
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)
    assert not torch.allclose(first_order, expected, rtol=1e-2)
    assert all(torch.equal(p, q) for p, q in zip(w, before, strict=True))


def test_the_unrolled_step_is_the_one_that_sgd_makes(smooth):
    w, alpha, train, valid = smooth
    sgd = torch.optim.SGD(w, 0.1, 0.9, weight_decay=0.02)
    seen = []

    def spy():
        seen.append([p.detach().clone() for p in w])
        return valid()

    for _ in range(2):  # without and with momentum
        unrolled_gradient(train, spy, alpha, sgd)
        for p, slope in zip(w, torch.autograd.grad(train(), w), strict=True):
            p.grad = slope
        sgd.step()
        torch.testing.assert_close(seen[-1], [p.detach() for p in w])


@pytest.fixture
def quadratic(g):
    """L_T = w'Hw/2 - w'B lambda, L_V = |w - c|^2/2 + a'lambda; w* = H^-1 B lambda."""
    root = torch.randn(5, 5, generator=g, dtype=torch.float64)
    hessian = root @ root.T / 5 + torch.eye(5, dtype=torch.float64)
    b, c, a = (torch.randn(*n, generator=g, dtype=torch.float64) for n in [(5, 3), (5,), (3,)])
    hyper, w = leaf(3, g=g), leaf(5, g=g)
    with torch.no_grad():
        w.copy_(torch.linalg.solve(hessian, b @ hyper))

    def train():
        return w @ hessian @ w / 2 - w @ b @ hyper

    def valid():
        return (w - c).square().sum() / 2 + a @ hyper

    exact = a + b.T @ torch.linalg.solve(hessian, w.detach() - c)
    return train, valid, w, hyper, hessian, b, c, a, exact


def test_the_implicit_gradient_is_that_of_the_exact_inverse(quadratic):
    train, valid, w, hyper, hessian, *_, exact = quadratic
    step = 1 / float(torch.linalg.eigvalsh(hessian).max())
    (found,), _ = implicit_gradient(train, valid, [w], [hyper], terms=500, step=step)
    torch.testing.assert_close(found, exact)


def test_a_few_terms_are_the_sum_of_the_neumann_series(quadratic):
    train, valid, w, hyper, hessian, b, c, a, exact = quadratic
    left = torch.eye(5, dtype=torch.float64) - 0.1 * hessian
    inverse = 0.1 * sum(torch.linalg.matrix_power(left, j) for j in range(4))
    (found,), slope = implicit_gradient(train, valid, [w], [hyper], terms=3, step=0.1)
    torch.testing.assert_close(found, a + b.T @ inverse @ (w.detach() - c))
    torch.testing.assert_close(slope, [w.detach() - c])
    assert not torch.allclose(found, exact, rtol=1e-2)


def test_the_implicit_gradient_in_the_weight_decay_is_that_of_ridge_regression(g):
    x, y, z, t = (torch.randn(*n, generator=g, dtype=torch.float64) for n in [(9, 3), (9,)] * 2)
    log_decay = torch.tensor(-0.5, dtype=torch.float64, requires_grad=True)

    def optimum(log_decay):
        return torch.linalg.solve(x.T @ x + log_decay.exp() * torch.eye(3), x.T @ y)

    exact = torch.autograd.grad((z @ optimum(log_decay) - t).square().sum(), log_decay)[0]
    w = optimum(log_decay).detach().requires_grad_()
    (found, unused), _ = implicit_gradient(
        lambda: (x @ w - y).square().sum() / 2 + log_decay.exp() / 2 * w.square().sum(),
        lambda: (z @ w - t).square().sum(),
        [w],
        [log_decay, torch.zeros(2, requires_grad=True)],
        terms=2000,
        step=0.02,
    )
    torch.testing.assert_close(found, exact)
    assert unused.tolist() == [0, 0]
