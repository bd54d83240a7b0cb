"""Verdicts on rows whose answer is known by hand."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml
from scipy import stats

from fgr.results import claims
from fgr.results.claims import (
    Claim,
    Verdict,
    judge,
    judge_all,
    paired_effect,
    read_claims,
    verdict_of,
    verdict_table,
)
from fgr.results.rows import SELECTIONS, SPLITS, append, frame
from fgr.results.statistics import Interval, interval

REPOSITORY = Path(__file__).parents[2]
ENTRY = {
    "id": "local-lowers-error",
    "chapter": 5,
    "statement": "The local rule lowers the error.",
    "source": "Fig. 5.4",
    "rows": "demo.csv",
    "metric": "error",
    "split": "test",
    "selection": "last",
    "better": "lower",
    "ours": {"mode": "local"},
    "other": {"mode": "none"},
    "smallest": 0.001,
    "data": "digits",
}


def claim(**changes: object) -> Claim:
    return Claim(**{**ENTRY, **changes})


# ---------------------------------------------------------------- the effect


def test_effect_is_the_mean_difference_of_paired_seeds(make_rows) -> None:
    table = frame(
        make_rows({0: 0.10, 1: 0.12, 2: 0.11, 7: 0.9}, mode="local")
        + make_rows({2: 0.12, 1: 0.14, 0: 0.13, 8: 0.1}, mode="none")  # seeds 7 and 8 have no partner
        + make_rows({0: 0.5, 1: 0.5, 2: 0.5}, mode="global")
    )
    effect = paired_effect(table, claim())  # differences 0.03, 0.02, 0.01
    half = 4.302652729749462 * 0.01 / 3**0.5  # Student's t for two degrees of freedom, from a table
    assert effect == pytest.approx((0.02, 0.02 - half, 0.02 + half, 3, 0.01))


def test_direction_of_the_claim_decides_the_sign(make_rows) -> None:
    table = frame(make_rows({0: 0.8, 1: 0.9}, mode="local") + make_rows({0: 0.7, 1: 0.7}, mode="none"))
    assert paired_effect(table, claim(better="lower")).mean == pytest.approx(-0.15)
    assert paired_effect(table, claim(better="higher")).mean == pytest.approx(0.15)


def test_list_means_any_of_these_averaged_within_a_seed(make_rows) -> None:
    table = frame(
        make_rows({0: 0.1, 1: 0.2}, mode="local", strength=1.0)
        + make_rows({0: 0.3, 1: 0.4}, mode="local", strength=10.0)
        + make_rows({0: 0.0, 1: 0.0}, mode="local", strength=0.1)
        + make_rows({0: 0.5, 1: 0.5}, mode="none", strength=0.0)
    )
    effect = paired_effect(table, claim(ours={"mode": "local", "strength": [1, 10]}))
    assert effect.mean == pytest.approx((0.3 + 0.2) / 2)


def test_seed_that_lacks_some_of_the_settings_does_not_count(make_rows) -> None:
    table = frame(
        make_rows({0: 0.1, 1: 0.2, 2: 0.2}, mode="local", strength=1.0)
        + make_rows({0: 0.3, 1: 0.4}, mode="local", strength=10.0)  # seed 2 is still running
        + make_rows({0: 0.5, 1: 0.5, 2: 0.5}, mode="none")
    )
    repeated = pd.concat([table, table[:1]], ignore_index=True)  # a run recorded twice is still one run
    for rows in (table, repeated):
        assert paired_effect(rows, claim()).n == 2


def test_other_metrics_splits_and_selections_do_not_count(make_rows) -> None:
    rows = make_rows({0: 0.1}, mode="local") + make_rows({0: 0.2}, mode="none")
    rows += make_rows({0: 0.9}, metric="overfitting", mode="local") + make_rows({0: 0.9}, split="train", mode="local")
    assert paired_effect(frame(rows), claim()).mean == pytest.approx(0.1)
    assert paired_effect(frame(rows), claim(selection="best-test")) is None


def test_no_rows_or_no_pair_is_no_effect(make_rows) -> None:
    assert paired_effect(frame([]), claim()) is None
    unpaired = frame(make_rows({0: 0.1}, mode="local") + make_rows({1: 0.1}, mode="none"))
    assert paired_effect(unpaired, claim()) is None
    assert judge(claim(), unpaired).word == "undecided"


def test_unknown_field_is_named(make_rows) -> None:
    with pytest.raises(ValueError, match="rows have no field 'modus'; a claim selects by it"):
        paired_effect(frame(make_rows({0: 0.1}, mode="local")), claim(ours={"modus": "local"}))


# ---------------------------------------------------------------- the verdict


@pytest.mark.parametrize(
    ("differences", "word"),
    [
        ([0.010, 0.011, 0.012], "supported"),
        ([-0.010, -0.011, -0.012], "not supported"),
        ([0.0001, 0.0002, 0.0003], "not supported"),  # surely there, and surely too small to matter
        ([-0.010, 0.010, 0.020], "undecided"),
        ([0.0005, 0.0010, 0.0015], "undecided"),  # its interval reaches from below zero to above the smallest effect
        ([0.0008, 0.0009, 0.0010], "undecided"),  # above zero, but on either side of the smallest effect
        ([0.010], "undecided"),
        ([0.010, 0.010], "undecided"),  # two may agree by luck
    ],
)
def test_three_verdicts(differences: list[float], word: str, make_rows) -> None:
    ours = dict(enumerate(0.5 - difference for difference in differences))
    table = frame(make_rows(ours, mode="local") + make_rows(dict.fromkeys(ours, 0.5), mode="none"))
    verdict = judge(claim(), table)
    assert verdict.word == word
    assert verdict.effect == pytest.approx(interval(differences), nan_ok=True)
    assert (verdict.seeds is None) == (word != "undecided" or len(differences) == 1)


@pytest.mark.parametrize("smallest", [0.001, 0.01])
@pytest.mark.parametrize("mean", [-0.004, 0.0, 0.0005, 0.003, 0.009, 0.02])
def test_that_many_seeds_of_the_same_spread_would_decide(mean: float, smallest: float) -> None:
    def verdict(n: int) -> tuple[str, int | None]:
        width = stats.t.ppf(0.975, n - 1) * 0.02 / n**0.5
        return verdict_of(Interval(mean, mean - width, mean + width, n, 0.02), smallest)

    word, seeds = verdict(3)
    assert word == "undecided"
    assert verdict(seeds)[0] != "undecided"
    assert verdict(seeds - 1)[0] == "undecided"


def test_effect_exactly_on_the_line_is_never_decided_by_more_seeds() -> None:
    assert verdict_of(interval([0.0, 0.0, 0.0]), smallest=0.0) == ("undecided", None)


def test_more_seeds_than_anyone_runs_are_not_counted() -> None:
    """And the words do not pass the last number that is counted off as the answer."""
    effect = interval([-1.0, 0.001, 1.0])
    assert verdict_of(effect, smallest=0.002) == ("undecided", None)
    assert Verdict(claim(), effect, "undecided", None).outlook == "more than 10,000 seeds would decide"
    assert Verdict(claim(), effect, "undecided", 12).outlook == "12 seeds would decide"
    assert Verdict(claim(), effect, "supported", None).outlook == ""
    assert Verdict(claim(), interval([1.0]), "undecided", None).outlook == ""
    assert Verdict(claim(), None, "undecided", None).outlook == ""


# ---------------------------------------------------------------- runs that diverged


def table_of_angles(make_rows, ours: dict[int, float], other: dict[int, float]) -> list:
    rows = make_rows(ours, metric="nearest_angle", mode="local") + make_rows(other, "nearest_angle", mode="none")
    return rows + make_rows(dict.fromkeys(range(4), 0.9), mode="local")  # an error, which every run has


ANGLES = {0: 60.0, 1: 61.0, 2: 62.0}


@pytest.mark.parametrize("side", ["local", "none"])
def test_a_seed_that_diverged_on_either_side_leaves_the_claim_undecided(side: str, make_rows) -> None:
    """Four seeds, one of which has no angle because its training diverged: the others would be in favour."""
    higher = claim(metric="nearest_angle", better="higher", smallest=2.0)
    whole = {seed: 50.0 for seed in range(4)}
    ours, other = (ANGLES, whole) if side == "local" else ({**whole, 3: 60.0}, ANGLES)
    rows = table_of_angles(make_rows, ours, other)
    before = judge(higher, frame(rows))
    assert before.effect.n == 3 and before.diverged == ()
    verdict = judge(higher, frame(rows + make_rows({3: 1.0}, "diverged", "train", mode=side)))
    assert (verdict.word, verdict.seeds, verdict.diverged) == ("undecided", None, (3,))
    assert verdict.effect == before.effect and verdict.outlook == "seed 3 diverged"
    assert verdict_table([verdict])["verdict"].tolist() == ["undecided (seed 3 diverged)"]


def test_diverged_runs_that_do_not_bear_on_the_claim_do_not_change_it(make_rows) -> None:
    """With a number of their own, of another configuration, or of an experiment that has no such number."""
    angles = claim(metric="nearest_angle", better="higher", smallest=2.0)
    rows = table_of_angles(make_rows, {**ANGLES, 3: 20.0}, {seed: 50.0 for seed in range(4)})
    rows += make_rows({3: 1.0}, "diverged", "train", mode="local")  # its angle is there
    rows += make_rows({2: 1.0}, "diverged", "train", mode="global")
    trained = make_rows({2: 1.0}, "diverged", "train", mode="local", epochs=7)
    rows += [replace(row, experiment="training of another table") for row in trained]
    verdict = judge(angles, frame(rows))
    assert verdict.diverged == () and verdict.effect.n == 4
    error = make_rows({0: 0.1, 1: 0.1, 2: 0.9}, mode="local") + make_rows({0: 0.5, 1: 0.5, 2: 0.5}, mode="none")
    assert judge(claim(), frame(error + make_rows({2: 1.0}, "diverged", "train", mode="local"))).effect.n == 3


def test_a_side_that_diverged_altogether_has_run(make_rows) -> None:
    rows = table_of_angles(make_rows, {}, dict.fromkeys(range(3), 50.0))
    rows += make_rows({0: 1.0, 2: 1.0}, "diverged", "train", mode="local")
    verdict = judge(claim(metric="nearest_angle", better="higher", smallest=2.0), frame(rows))
    line = verdict_table([verdict]).iloc[0]
    assert (line.verdict, line.effect, line.seeds) == ("undecided (seeds 0, 2 diverged)", "none", 0)


# ---------------------------------------------------------------- the file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "claims.yaml"


def test_claims_are_read(path: Path) -> None:
    path.write_text(yaml.safe_dump([ENTRY, {**ENTRY, "id": "other", "note": "small net"}]))
    assert read_claims(path) == [claim(), claim(id="other", note="small net")]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metrik": "error"}, "claim 'local-lowers-error': .*unexpected keyword argument 'metrik'"),
        ({"better": "smaller"}, "claim 'local-lowers-error': better must be 'lower' or 'higher'"),
    ],
)
def test_wrong_claim_is_named(changes: dict, message: str, path: Path) -> None:
    path.write_text(yaml.safe_dump([{**ENTRY, **changes}]))
    with pytest.raises(ValueError, match=rf"claims\.yaml: {message}"):
        read_claims(path)


def test_missing_field_and_repeated_id_are_named(path: Path) -> None:
    path.write_text(yaml.safe_dump([{k: v for k, v in ENTRY.items() if k != "smallest"}]))
    with pytest.raises(ValueError, match=r"claim 'local-lowers-error': .*missing .* 'smallest'"):
        read_claims(path)
    path.write_text(yaml.safe_dump([ENTRY, ENTRY]))
    with pytest.raises(ValueError, match=r"claims\.yaml: ids stand twice: local-lowers-error"):
        read_claims(path)


def test_every_claim_is_judged_and_laid_out(tmp_path: Path, make_rows) -> None:
    angle = {"id": "angle", "metric": "nearest_angle", "better": "higher", "smallest": 2}
    entries = [
        ENTRY,
        {**ENTRY, **angle},
        {**ENTRY, "id": "later", "rows": "absent.csv"},
        {**ENTRY, "id": "x", "chapter": 6},
    ]
    (tmp_path / "claims.yaml").write_text(yaml.safe_dump(entries))
    rows = make_rows({0: 0.10, 1: 0.11, 2: 0.12}, mode="local")
    rows += make_rows({0: 0.20, 1: 0.21, 2: 0.22}, mode="none")
    rows += make_rows({0: 60.0, 1: 60.0}, metric="nearest_angle", mode="local")
    rows += make_rows({0: 50.0, 1: 80.0}, metric="nearest_angle", mode="none")
    append(tmp_path / "recorded" / "demo.csv", rows)
    assert len(judge_all(tmp_path)) == 4
    table = verdict_table(judge_all(tmp_path, chapter=5)).set_index("id")
    assert table.index.tolist() == ["local-lowers-error", "angle", "later"]
    assert table["effect"].tolist() == ["+10.00 points", "-5.00°", "not run"]
    assert table["smallest effect"].tolist() == ["0.10 points", "2.00°", "0.10 points"]
    assert table["95% interval"].tolist() == ["+10.00 to +10.00", "-195.59 to +185.59", "none"]
    assert table["seeds"].tolist() == [3, 2, 0]
    needed = judge_all(tmp_path)[1].seeds
    assert table["verdict"].tolist() == ["supported", f"undecided ({needed} seeds would decide)", "undecided"]


@pytest.mark.parametrize(
    ("metric", "shown"),
    [("accuracy", "0.10 points"), ("weight: occluders", "0.10 points"), ("mae", "0.00 years"), ("correlation", "0.00")],
)
def test_effects_are_shown_in_their_unit(tmp_path: Path, metric: str, shown: str) -> None:
    (tmp_path / "claims.yaml").write_text(yaml.safe_dump([{**ENTRY, "metric": metric, "smallest": 0.001}]))
    assert verdict_table(judge_all(tmp_path))["smallest effect"].tolist() == [shown]


@pytest.mark.parametrize(
    ("word", "said"),
    [("supported", "against the thesis"), ("not supported", "as the thesis says"), ("undecided", "")],
)
def test_an_effect_that_the_thesis_denies_is_told_from_its_claims(word: str, said: str, path: Path) -> None:
    path.write_text(yaml.safe_dump([{**ENTRY, "denied": True}, {**ENTRY, "id": "another"}]))
    denied, claimed = (Verdict(claim, None, word, None) for claim in read_claims(path))
    assert (denied.standing, claimed.standing) == (said, "")
    shown = verdict_table([denied, claimed])["verdict"].tolist()
    assert shown == [f"{word} ({said})" if said else word, word]


def test_claims_of_the_book_name_known_rows() -> None:
    for entry in read_claims(REPOSITORY / "results" / "claims.yaml"):
        assert entry.split in SPLITS, entry.id
        assert entry.selection in SELECTIONS, entry.id
        assert entry.smallest > 0, entry.id
        assert entry.ours != entry.other, entry.id


def test_a_listed_value_that_no_seed_has_leaves_the_claim_undecided() -> None:
    table = pd.DataFrame({"run_id": ["a", "b"], "seed": [0, 1], "value": [1.0, 2.0], "architecture": ["vgg16"] * 2})
    assert claims._by_seed(table, {"architecture": ["vgg16"]}).tolist() == [1.0, 2.0]
    assert claims._by_seed(table, {"architecture": ["vgg16", "resnet50"]}).empty
