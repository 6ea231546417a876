"""The page of an explanation: one HTML file that loads nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from nasbench.core import Space
from nasbench.spaces import drawing
from surrogates import explain_plots as plots
from surrogates.explain import BEST, Explanation
from surrogates.motifs import Motif
from surrogates.shapley import EXPLAINED

SHOWN_PAIRS = 4
SHOWN_MOTIFS = 12
SIGNIFICANT = 0.01
"""Adjusted p-value up to which a motif is counted as more frequent among the best."""


def render(found: Explanation, space: Space) -> str:
    """The page's text."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("surrogates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("explain.html").render(**_context(found, space)) + "\n"


def _context(found: Explanation, space: Space) -> dict[str, Any]:
    main, pairs = found.effects.main_shares(), found.effects.pair_shares()
    both = float(np.triu(pairs).sum())
    return {
        "found": found,
        "unit": "percentage points" if found.metric.unit == "%" else found.metric.unit,
        "alone": f"{100 * main.sum():.1f} %",
        "paired": f"{100 * both:.1f} %",
        "rest": f"{100 * max(0.0, 1 - main.sum() - both):.1f} %",
        "strongest": found.genes[int(main.argmax())],
        "sampled": min(EXPLAINED, found.architectures),
        "percent": f"{100 * BEST:g} %",
        "significant": sum(motif.p_value <= SIGNIFICANT for motif in found.motifs),
        "limit": SIGNIFICANT,
        "motifs": [_motif(motif, found) for motif in found.motifs[:SHOWN_MOTIFS]],
        "leaders": [_leader(found, space, k) for k in range(len(found.leaders))],
        **_figures(found),
    }


def _figures(found: Explanation) -> dict[str, Any]:
    genes, choices, effects = found.genes, found.choices, found.effects
    shap = [found.attribution.by_choice(k, len(names)) for k, names in enumerate(choices)]
    main = np.array([np.abs(effect).mean() for effect in effects.main])
    shares = effects.pair_shares()
    order = sorted(effects.pairs, key=lambda at: -shares[at])[:SHOWN_PAIRS]
    return {
        "shares": plots.shares(genes, effects.main_shares(), shares),
        "main": plots.effects(genes, choices, effects.main),
        "pairs": [
            {
                "caption": f"{genes[j]} and {genes[k]}: {100 * shares[j, k]:.1f} % of the variance",
                "svg": plots.pair(
                    (genes[j], genes[k]), (choices[j], choices[k]), effects.pairs[j, k]
                ),
            }
            for j, k in order
        ],
        "importances": plots.importances(
            genes, found.attribution.importance(), main, f"{found.metric.unit}"
        ),
        "shap": plots.effects(genes, choices, shap),
    }


def _motif(motif: Motif, found: Explanation) -> dict[str, Any]:
    return {
        "svg": drawing.svg(motif.picture()),
        "best": f"{100 * motif.best / found.best:.0f} %",
        "others": f"{100 * motif.others / max(1, found.classes - found.best):.1f} %",
        "lift": f"{motif.lift:.1f}",
        "p": f"{motif.p_value:.0e}" if motif.p_value < 1e-3 else f"{motif.p_value:.3f}",
    }


def _leader(found: Explanation, space: Any, place: int) -> dict[str, Any]:
    arch, value = found.leaders[place]
    wiring = space.wiring(arch) if hasattr(space, "wiring") else space.graph(arch)
    return {
        "svg": drawing.svg(wiring),
        "caption": f"{space.format(arch)}: {value:.2f} {found.metric.unit}",
    }
