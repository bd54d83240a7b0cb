"""Section 5.3.2: does one strength suit different networks once the regulariser's gradients are normalised?"""

import json
from dataclasses import replace

import pandas as pd

from fgr.experiments.orthoreg.grids import Config, digits
from fgr.experiments.orthoreg.runs import Cell
from fgr.results.rows import Row, Run, with_config

EXPERIMENT = "orthoreg_shared_strength"
STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)  # one grid for both, so that neither way is tuned more finely
NETWORKS = {
    "narrow mlp": {"network": "mlp", "hidden": 64},
    "wide mlp": {"network": "mlp", "hidden": 512},
    "cnn": {"network": "digit_cnn"},
}
FIELDS = ["network", "hidden"]  # what tells these networks apart in the rows


def cells(config: Config) -> list[Cell]:
    """Every network at every strength, with regulariser gradients as they are and normalised."""
    base = digits(config, dataset="mnist_5k", train_size=0, mode="local")
    return [
        replace(base, **network, strength=strength, normalize_gradients=normalized)
        for network in NETWORKS.values()
        for normalized in (False, True)
        for strength in STRENGTHS
    ]


def regret(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what sharing one strength costs: test error with it, less that with each network's own, by seed.

    Both are chosen by validation error, averaged over seeds: the shared one for the mean over networks, a network's
    own for itself. A network whose best is the shared one has no regret; through the test set's noise a regret can be
    negative.

    Returns:
        One line for (normalize_gradients, seed): `regret`, the mean over networks, and the `shared` strength.
    """
    table = with_config(rows)
    errors = table[(table.metric == "error") & (table.selection == "last")]
    lines = []
    for normalized, part in errors.groupby("normalize_gradients"):
        by = [*FIELDS, "strength"]
        validation = part[part.split == "validation"].groupby(by)["value"].mean().unstack("strength")
        test = part[part.split == "test"].set_index([*by, "seed"])["value"].unstack("strength")  # (network, seed) rows
        shared, own = validation.mean().idxmin(), validation.idxmin(axis=1)
        networks = test.index.droplevel("seed")
        best = pd.Series([row[own[network]] for network, (_, row) in zip(networks, test.iterrows())], test.index)
        cost = (test[shared] - best).groupby("seed").mean()
        lines += [(bool(normalized), int(seed), value, shared) for seed, value in cost.items()]
    return pd.DataFrame(lines, columns=["normalize_gradients", "seed", "regret", "shared"])


def regret_rows(rows: pd.DataFrame, config: Config, profile: str) -> list[Row]:
    """Return the regrets as rows of results."""
    made = []
    for line in regret(rows).itertuples():
        settings = {
            "normalize_gradients": line.normalize_gradients,
            "shared": line.shared,
            "networks": list(NETWORKS),
            "strengths": list(STRENGTHS),
        }
        run = Run(EXPERIMENT, json.dumps(settings, sort_keys=True), "mnist_5k", line.seed, profile, config.device)
        made.append(run.row("regret", line.regret, "fraction", "test", "last", config.epochs))
    return made
