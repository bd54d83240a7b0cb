"""Judge the thesis's claims from recorded rows: the effect over paired seeds, its interval, and a verdict.

`results/claims.yaml` states each claim, the smallest effect worth having (fixed before the runs) and which rows are
compared. A claim is `supported` if the whole interval lies above zero and the mean reaches the smallest effect, `not
supported` if the whole interval lies below the smallest effect, else `undecided`; and with fewer than three seeds, for
two may agree by luck, or where a seed's training diverged and left no number, always `undecided`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from fgr.results.rows import frame, read, with_config
from fgr.results.statistics import MOST, Interval, interval, seeds_needed

# shown in percentage points
FEWEST = 3  # seeds that a verdict needs: two may agree by luck
RATES = ("error", "overfitting", "accuracy", "accuracy_of_folds", "auc", "face", "mean_error", "gain", "regret")


@dataclass(frozen=True)
class Comparison:
    """Two sides of recorded rows, paired by seed."""

    metric: str
    split: str
    selection: str
    better: str  # "lower" or "higher"
    ours: Mapping[str, Any]  # configuration of the rows that should be better
    other: Mapping[str, Any]  # and of those they are compared with; a list means any of these, averaged


@dataclass(frozen=True, kw_only=True)
class Claim(Comparison):
    """One claim of the thesis and how it is measured here."""

    id: str
    chapter: int
    statement: str  # in our words
    source: str  # where the thesis makes it
    rows: str  # recorded file, relative to results/recorded
    smallest: float  # smallest effect worth having, in the unit of the rows
    data: str  # what it was measured on, in words
    note: str = ""  # the likely reason when it fails, or a limit
    denied: bool = False  # whether it is an effect that the thesis does not find


@dataclass(frozen=True)
class Verdict:
    """A judged claim: positive effects are in the direction of the claim."""

    claim: Claim
    effect: Interval | None  # None while no rows are recorded
    word: str  # supported | not supported | undecided
    seeds: int | None  # seeds that would decide an undecided claim; None if there are no two yet, or it takes too many
    diverged: tuple[int, ...] = ()  # seeds whose training diverged, on either side, and left no number

    @property
    def standing(self) -> str:
        """How a verdict on an effect that the thesis does not find stands to the thesis, in words; else ""."""
        words = {"supported": "against the thesis", "not supported": "as the thesis says"}
        return words.get(self.word, "") if self.claim.denied else ""

    @property
    def outlook(self) -> str:
        """Why an undecided claim is that, in words, by the seeds that diverged or how many would decide; else ""."""
        if self.diverged:
            return f"seed{'s' * (len(self.diverged) > 1)} {', '.join(map(str, self.diverged))} diverged"
        if self.word != "undecided" or self.effect is None or self.effect.n < 2:
            return ""
        return f"{self.seeds or f'more than {MOST:,}'} seeds would decide"


def read_claims(path: Path) -> list[Claim]:
    """Read the claims.

    Raises:
        ValueError: naming the claim whose fields are wrong, or an id that stands twice.
    """
    claims = []
    for entry in yaml.safe_load(path.read_text()):
        try:
            claims.append(Claim(**entry))
        except TypeError as error:
            raise ValueError(f"{path}: claim {entry.get('id')!r}: {error}") from error
        if claims[-1].better not in ("lower", "higher"):
            raise ValueError(f"{path}: claim {claims[-1].id!r}: better must be 'lower' or 'higher'")
    ids = [claim.id for claim in claims]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise ValueError(f"{path}: ids stand twice: {', '.join(twice)}")
    return claims


def verdict_of(effect: Interval, smallest: float) -> tuple[str, int | None]:
    """Return the verdict and, for an undecided one, how many seeds of the same spread would decide it.

    The number is None if there are no two seeds yet, or if more than 10,000 would be needed.

    Example:
        >>> verdict_of(interval([0.3, 0.4, 0.5]), smallest=0.1)
        ('supported', None)
        >>> verdict_of(interval([-0.3, -0.4, -0.5]), smallest=0.1)
        ('not supported', None)
        >>> verdict_of(interval([0.0, 0.4, 0.8]), smallest=0.1)
        ('undecided', 7)
        >>> verdict_of(interval([0.4, 0.4]), smallest=0.1)
        ('undecided', 3)
    """
    if effect.n >= FEWEST and effect.high < smallest:
        return "not supported", None
    if effect.n >= FEWEST and effect.low > 0 and effect.mean >= smallest:
        return "supported", None
    if effect.n < 2:
        return "undecided", None
    # the interval must shrink until it clears zero from above or the smallest effect from below
    clear = max(effect.mean if effect.mean >= smallest else 0.0, smallest - effect.mean)
    needed = seeds_needed(effect.deviation, clear) if clear > 0 else None
    return "undecided", needed and max(effect.n + 1, needed)


def paired_effect(table: pd.DataFrame, claim: Comparison) -> Interval | None:
    """Return the effect over the seeds that both sides have, positive in the direction of the claim; None without."""
    if table.empty:
        return None
    table = _measured(with_config(table), claim)
    ours, other = (_by_seed(table, chosen) for chosen in (claim.ours, claim.other))
    seeds = sorted(set(ours.index) & set(other.index))
    if not seeds:
        return None
    difference = other[seeds] - ours[seeds]
    return interval((difference if claim.better == "lower" else -difference).tolist())


def diverged_seeds(table: pd.DataFrame, claim: Comparison) -> tuple[int, ...]:
    """Return the seeds with a run, on either side, that diverged and has no number of the claim's metric.

    Left out they would look like seeds that an interrupted sweep has not come to, and a side be judged by the runs
    that it survives. Metrics that are recorded of a diverged run, as its error is, count as they are.
    """
    if not (table.metric == "diverged").any():
        return ()
    table = with_config(table)
    measured = _measured(table, claim)
    # what other experiments leave in the same file does not have this metric, diverged or not
    gone = table[(table.metric == "diverged") & (table.value != 0) & table.experiment.isin(measured.experiment)]
    gone = gone[~gone.run_id.isin(measured.run_id)]
    return tuple(sorted({int(seed) for side in (claim.ours, claim.other) for seed in _chosen(gone, side).seed}))


def _measured(table: pd.DataFrame, claim: Comparison) -> pd.DataFrame:
    of_claim = (table.metric == claim.metric) & (table.split == claim.split) & (table.selection == claim.selection)
    return table[of_claim]


def _chosen(table: pd.DataFrame, chosen: Mapping[str, Any]) -> pd.DataFrame:
    """Return the rows of one side of a comparison."""
    for name, value in chosen.items():
        if name not in table.columns:
            raise ValueError(f"rows have no field {name!r}; a claim selects by it")
        table = table[table[name].isin(value if isinstance(value, list) else [value])]
    return table


def _by_seed(table: pd.DataFrame, chosen: Mapping[str, Any]) -> pd.Series:
    table = _chosen(table, chosen)
    seeds = table.groupby("seed")
    runs = seeds["run_id"].nunique()
    whole = runs == runs.max()  # an interrupted sweep leaves a last seed with fewer settings
    for name, value in chosen.items():  # and a claim about several values is not judged by some of them
        if isinstance(value, list):
            whole &= seeds[name].nunique() == len(value)
    return seeds["value"].mean()[whole]


def judge(claim: Claim, table: pd.DataFrame) -> Verdict:
    """Judge one claim from its recorded rows."""
    effect, diverged = paired_effect(table, claim), diverged_seeds(table, claim)
    if effect is None or diverged:
        return Verdict(claim, effect, "undecided", None, diverged)
    return Verdict(claim, effect, *verdict_of(effect, claim.smallest))


def judge_all(results_folder: Path, chapter: int | None = None) -> list[Verdict]:
    """Judge every claim of results/claims.yaml, or those of one chapter, from the rows recorded so far."""
    verdicts = []
    for claim in read_claims(results_folder / "claims.yaml"):
        if chapter in (None, claim.chapter):
            path = results_folder / "recorded" / claim.rows
            verdicts.append(judge(claim, read(path) if path.exists() else frame([])))
    return verdicts


def _shown(metric: str) -> tuple[float, str]:
    """Return by what an effect is multiplied to be shown, and its unit."""
    if metric in RATES or metric.startswith("weight: "):
        return 100.0, " points"
    if "angle" in metric or "gap" in metric:
        return 1.0, "°"
    return 1.0, " years" if metric == "mae" else ""


def verdict_table(verdicts: list[Verdict]) -> pd.DataFrame:
    """Return one line a claim: statement, verdict, effect with its interval and unit, seeds, and where it stands."""
    lines = []
    for verdict in verdicts:
        claim, effect = verdict.claim, verdict.effect
        scale, unit = _shown(claim.metric)
        numbers = [] if effect is None else [scale * x for x in (effect.mean, effect.low, effect.high)]
        lines.append(
            {
                "id": claim.id,
                "claim": claim.statement,
                "verdict": verdict.word
                + "".join(f" ({words})" for words in (verdict.standing, verdict.outlook) if words),
                "effect": f"{numbers[0]:+.2f}{unit}" if numbers else "none" if verdict.diverged else "not run",
                "95% interval": f"{numbers[1]:+.2f} to {numbers[2]:+.2f}" if effect and effect.n > 1 else "none",
                "smallest effect": f"{scale * claim.smallest:.2f}{unit}",
                "seeds": effect.n if effect else 0,
                "where": claim.source,
            }
        )
    return pd.DataFrame(lines)
