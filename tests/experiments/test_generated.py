"""What generated sets show: readers whose answer is known, kinship by hand, rows, tables, and real tiny runs."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch.nn import functional as F

from fgr.config import as_json
from fgr.data.synthetic.birds import ATTRIBUTE_GROUPS, PARTS, taxonomy
from fgr.experiments import RERUNS
from fgr.experiments.generated import birds, faces, grids, people, readers, tables
from fgr.figures import generated as draw
from fgr.figures.style import Figure
from fgr.results import rows as results

BIRDS = birds.Cell(size=16, train=40, pool=60, test=40, epochs=2, batch_size=20)
FACES = faces.Cell(size=16, drawn=32, train=20, pool=24, validation=10, test=20, epochs=2, batch_size=10)
PEOPLE = people.Cell(size=16, people=4, train=8, validation=4, test=8, epochs=2, batch_size=4)
CPU = torch.device("cpu")


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Images are drawn once for this module, apart from the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FGR_DATA", str(tmp_path_factory.mktemp("data")))
        yield
    for cached in (birds.birds, faces.faces, people.album):
        cached.cache_clear()


def values(rows: list[results.Row], split: str = "test") -> dict[str, float]:
    return {row.metric: row.value for row in rows if row.split == split}


# ---------------------------------------------------------------- readers


def test_ridge_is_the_solution_of_the_normal_equations_and_chooses_by_other_examples() -> None:
    generator = torch.Generator().manual_seed(0)
    x, other = (torch.randn(12, 20, generator=generator, dtype=torch.float64) for _ in range(2))
    true = torch.randn(20, 2, generator=generator, dtype=torch.float64)
    y = x @ true + 3 + torch.randn(12, 2, generator=generator, dtype=torch.float64)
    centred, identity = x - x.mean(0), torch.eye(20, dtype=torch.float64)
    losses = {}
    for strength in (0.1, 10.0, 1000.0):
        weights = torch.linalg.solve(centred.T @ centred + strength * identity, centred.T @ (y - y.mean(0)))
        line = readers.ridge(x, y, other, other @ true + 3, strengths=(strength,))
        expected = (other - x.mean(0)) @ weights + y.mean(0)
        torch.testing.assert_close(line(other), expected, rtol=1e-9, atol=1e-9)
        losses[strength] = (expected - other @ true - 3).square().mean().item()
    best = min(losses, key=losses.get)
    chosen = readers.ridge(x, y, other, other @ true + 3, strengths=(0.1, 10.0, 1000.0))
    torch.testing.assert_close(chosen(x), readers.ridge(x, y, other, other @ true + 3, strengths=(best,))(x))


def test_the_network_learns_what_one_pixel_says_and_the_same_seed_learns_the_same() -> None:
    images = torch.randn(80, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    targets = (torch.arange(80) % 2).long()
    images += 3 * (2 * targets - 1)[:, None, None, None]
    recipe = readers.Recipe(epochs=5, batch_size=20)

    def outcome(seed: int) -> torch.Tensor:
        model = readers.train_network(images, targets, 2, F.cross_entropy, recipe, seed, CPU, None, "test")
        return readers.answer(model, images, CPU)

    first = outcome(0)
    assert (first.argmax(1) == targets).double().mean() > 0.9
    assert torch.equal(first, outcome(0)) and not torch.equal(first, outcome(1))


# ---------------------------------------------------------------- birds


def test_attributes_name_the_species_unless_the_part_that_tells_it_is_hidden() -> None:
    """Sisters 0 and 1 differ on the breast alone: without it the answer is shared between them."""
    tree = taxonomy(20)
    differing = tree.attributes[0] != tree.attributes[1]
    groups = [g.part for g in ATTRIBUTE_GROUPS for _ in g.options]
    assert {groups[a] for a in differing.nonzero().flatten().tolist()} == {"breast"}
    everything = torch.arange(13, dtype=torch.uint8).view(1, 1, 13)
    hidden = everything.clone()
    hidden[everything == 1 + PARTS.index("breast")] = 0
    answers = birds.attribute_answers(torch.cat([everything, hidden]), torch.tensor([0, 0]), 20)
    assert answers[0].argmax() == 0 and answers[0].max() == 1
    assert answers[1, :2].tolist() == [0.5, 0.5] and answers[1].sum() == 1
    assert birds.right(answers, torch.tensor([0, 0])) == 0.75


def test_kinship_counts_wrong_answers_by_hand() -> None:
    """Of species 0: its sister 1 twice, 2 of the family once, one of another order once, and itself, which is right."""
    tree = taxonomy(20)
    far = int((tree.distances[0] == 4).nonzero()[0])
    answers = torch.eye(20)[[1, 1, 2, far, 0]]
    shares = birds.kinship(answers, torch.zeros(5, dtype=torch.int64), tree.distances)
    assert shares == {"sister species": 0.5, "same family": 0.25, "same order": 0.0, "other order": 0.25}
    assert birds.kinship(torch.eye(20), torch.arange(20), tree.distances) == {}


@pytest.mark.parametrize("count", [20, 100])
def test_by_chance_is_the_share_of_the_other_species(count: int) -> None:
    others = taxonomy(count).distances[~torch.eye(count, dtype=torch.bool)]
    shares = list(birds.by_chance(count).values())
    assert shares == pytest.approx([(others == level).double().mean().item() for level in (1, 2, 3, 4)], abs=1e-12)


def test_true_attributes_are_near_perfect_at_every_difficulty() -> None:
    for difficulty in grids.DIFFICULTIES:
        cell = birds.Cell(reader="attributes", difficulty=difficulty, size=48, test=60)
        assert values(birds.run_cell(cell, 0, "smoke"))["error"] < 0.05


def test_a_bird_run_has_errors_of_both_parts_and_shares_that_add_up() -> None:
    rows = birds.run_cell(BIRDS, 0, "smoke", "cpu")
    test = values(rows)
    shares = [value for metric, value in test.items() if metric.startswith("errors: ")]
    assert 0 <= test["error"] <= 1 and 0 <= values(rows, "train")["error"] <= 1
    assert len(shares) == 4 and sum(shares) == pytest.approx(1)
    assert {row.epochs for row in rows} == {2} and {row.dataset for row in rows} == {"synthetic_birds"}


# ---------------------------------------------------------------- faces


def test_measures_of_faces_by_hand() -> None:
    """Ages 1 and 40 read as 3 and 58; one of two genders; a unit read backwards, one exactly, others never shown."""
    true, given = torch.zeros(2, 21), torch.zeros(2, 21)
    true[:, 0], given[:, 0] = torch.tensor([1.0, 40.0]), torch.tensor([2.4, 58.0])
    true[:, 1], given[:, 1] = torch.tensor([0.0, 1.0]), torch.tensor([0.7, 0.9])
    true[:, 2], given[:, 2] = torch.tensor([0.0, 5.0]), torch.tensor([4.0, 1.0])
    true[:, 3], given[:, 3] = torch.tensor([0.0, 5.0]), torch.tensor([0.1, 0.2])
    found = {name: value for name, (value, _) in faces.measures(given, true).items()}
    assert found == pytest.approx({"error": 0.5, "age_mae": 9.7, "gender_error": 0.5, "unit_correlation": 0.0})
    given[:, 2] = true[:, 2]
    assert faces.measures(given, true)["unit_correlation"][0] == pytest.approx(2 / 19)


def test_age_gender_and_units_count_as_documented() -> None:
    wrong = torch.zeros(4, 21)
    for column, weight in ((0, 1.0), (1, 1.0), (5, faces.UNITS_COUNT / 19)):
        given = wrong.clone()
        given[:, column] = 2.0
        assert faces.loss(given, wrong).item() == pytest.approx(4 * weight)


@pytest.mark.parametrize("reader", faces.READERS)
def test_a_face_run_measures_both_parts(reader: str) -> None:
    rows = faces.run_cell(dataclasses.replace(FACES, reader=reader), 0, "smoke", "cpu")
    for split in ("train", "test"):
        assert set(values(rows, split)) == {"error", "age_mae", "gender_error", "unit_correlation"}
    assert {row.unit for row in rows if row.metric == "age_mae"} == {"years"}


def test_the_seed_draws_the_training_faces() -> None:
    cell = dataclasses.replace(FACES, reader="linear", train=10)
    one, other = (values(faces.run_cell(cell, seed, "smoke"))["age_mae"] for seed in (0, 1))
    assert one != other


# ---------------------------------------------------------------- people


def test_everybody_is_in_each_part_with_other_photographs() -> None:
    parts = people.parts_of(PEOPLE)
    rows = torch.cat(list(parts.values()))
    assert sorted(rows.tolist()) == list(range(20))
    for part in parts.values():
        assert (part // 5).bincount().unique().numel() == 1 and (part // 5).unique().numel() == 4


def test_parts_that_are_not_even_are_refused() -> None:
    with pytest.raises(ValueError, match="must be multiples of the 4 people"):
        people.parts_of(dataclasses.replace(PEOPLE, train=9))


@pytest.mark.parametrize("reader", people.READERS)
def test_a_run_that_names_people(reader: str) -> None:
    rows = people.run_cell(dataclasses.replace(PEOPLE, reader=reader), 0, "smoke", "cpu")
    assert [(row.metric, row.split) for row in rows] == [("error", "train"), ("error", "test")]
    if reader == "linear":  # eight pictures of 768 numbers are known by heart
        assert values(rows, "train")["error"] == 0


# ---------------------------------------------------------------- what is recorded


def test_finished_runs_are_found_again_and_every_one_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = {"birds": [BIRDS], "faces": [dataclasses.replace(FACES, reader="linear")], "people": [PEOPLE]}
    for name, part in grids.PARTS.items():
        rows = grids.record(name, tmp_path, cells[name])
        assert sorted(rows["seed"].unique()) == list(grids.SEEDS)
        before = (tmp_path / f"{name}.csv").read_bytes()
        pd.testing.assert_frame_equal(grids.record(name, tmp_path, cells[name])[["value"]], rows[["value"]])
        assert (tmp_path / f"{name}.csv").read_bytes() == before
        (row,) = [r for r in rows.itertuples() if (r.metric, r.split, r.seed) == ("error", "test", 1)]
        again = values(RERUNS[part.experiment](row.config, 1, row.profile))
        assert again["error"] == pytest.approx(row.value, abs=0.15)


def test_the_recorded_grid_is_what_the_page_promises() -> None:
    cells = {name: part.cells for name, part in grids.PARTS.items()}
    for part in cells.values():
        assert len({as_json(cell) for cell in part}) == len(part)
    networks = [cell for cell in cells["birds"] if cell.reader == "cnn"]
    assert {(c.difficulty, c.train) for c in networks if c.num_species == 20} == {
        (difficulty, count) for difficulty in grids.DIFFICULTIES for count in grids.BIRDS
    }
    assert {c.num_species for c in cells["birds"]} == {20, 100}
    shown = {(c.reader, c.size) for c in cells["faces"]}
    assert shown == {("linear", 32), ("cnn", 32), ("cnn", 128)}
    assert all(c.train <= c.pool for c in (*networks, *cells["faces"]))
    assert [grids.seeds_of(c) for c in cells["birds"] if c.reader == "attributes"] == [(0,)] * 4


# ---------------------------------------------------------------- tables and figures


def rows_of(part: str) -> pd.DataFrame:
    """Return rows of every cell of a part with three seeds, as if measured: 0.3, 0.4 and 0.5."""
    made = []
    for cell in grids.PARTS[part].cells:
        metrics = ["error"]
        if part == "birds":
            metrics += [f"errors: {level}" for level in birds.by_chance(20)]
        if part == "faces":
            metrics = list(draw.TRAITS)
        for seed in grids.seeds_of(cell):
            run = results.Run(grids.PARTS[part].experiment, as_json(cell), "x", seed, "laptop", "cpu")
            made += [run.row(m, 0.3 + 0.1 * seed, "none", "test", "last", 1) for m in metrics]
    return results.frame(made)


def test_tables_state_mean_and_interval() -> None:
    lines = tables.bird_table(rows_of("birds"))
    # 0.3, 0.4 and 0.5: mean 40%, half-width 4.303 * 10 / sqrt(3)
    networks, known = lines[lines.reader == "small network"], lines[lines.reader != "small network"]
    assert set(networks["test error (%)"]) == {"40.00 ± 24.84"} and set(networks.seeds) == {3}
    assert set(known["test error (%)"]) == {"30.00"} and set(known["training images"]) == {"none"}
    assert set(lines["by chance (%)"]) == {"5.3", "1.0"}
    several = tables.face_table(rows_of("faces"))
    assert set(several["training images"]) == {max(grids.FACES)} and len(several) == 3
    assert set(several["correlation of action units"]) == {"0.40 ± 0.25"}
    assert set(tables.people_table(rows_of("people"))["by chance (%)"]) == {"98.0"}


def faces_with(reached: dict[tuple[str, int], list[float]], metric: str) -> pd.DataFrame:
    """Return rows in which each reader reached one value a seed, on the most faces, and far less on fewer."""
    made = []
    for cell in grids.PARTS["faces"].cells:
        for seed, value in enumerate(reached.get((cell.reader, cell.size), [])):
            run = results.Run("generated_faces", as_json(cell), "x", seed, "laptop", "cpu")
            shown = value if cell.train == max(grids.FACES) else 99.0
            made.append(run.row(metric, shown, "none", "test", "last", 1))
    return results.frame(made)


def verdicts(reached: dict[tuple[str, int], list[float]], metric: str) -> dict[tuple[str, str], list[str]]:
    lines = tables.order_table(faces_with(reached, metric))
    return {(line["read"], line["from"]): [line["gain"], line["verdict"]] for line in lines.to_dict("records")}


def test_order_of_readers_is_judged_by_paired_seeds_and_the_direction_of_the_metric() -> None:
    reached = {("linear", 32): [0.5, 0.7, 0.9], ("cnn", 32): [0.4, 0.6, 0.8], ("cnn", 128): [0.45, 0.65, 0.85]}
    few, many = "linear, 32 pixels", "network, 32 pixels"  # paired, each step is the same for every seed
    errors, units = verdicts(reached, "gender_error"), verdicts(reached, "unit_correlation")
    assert errors["wrong gender (%)", few] == ["+10.0", "supported"]
    assert errors["wrong gender (%)", many] == ["-5.0", "not supported"]
    assert errors["error of age (years)", few] == ["not run", "undecided"]
    assert units["correlation of action units", few] == ["-0.10", "not supported"]
    assert units["correlation of action units", many] == ["+0.05", "supported"]


def test_order_of_readers_is_undecided_where_seeds_disagree_or_a_reader_was_not_run() -> None:
    reached = {("linear", 32): [0.5, 0.5, 0.5], ("cnn", 32): [0.4, 0.6, 0.5]}
    found = verdicts(reached, "error")
    assert found["wrong age group (%)", "linear, 32 pixels"][1] == "undecided"
    assert found["wrong age group (%)", "network, 32 pixels"] == ["not run", "undecided"]


@pytest.mark.parametrize("make", [tables.bird_table, tables.face_table, tables.order_table, tables.people_table])
def test_tables_of_nothing_are_empty(make) -> None:
    assert make(results.frame([])).empty


def test_figures_have_a_line_or_bar_for_everything_and_say_when_there_is_nothing() -> None:
    curves = draw.bird_curves(rows_of("birds"))
    assert [text.get_text() for text in curves.axes[0].get_legend().get_texts()] == [
        f"difficulty {difficulty:g}" for difficulty in grids.DIFFICULTIES
    ]
    bars = draw.kinship(rows_of("birds"), birds.by_chance(20))
    heights = [[bar.get_height() for bar in group] for group in bars.axes[0].containers]
    assert heights[0] == pytest.approx([40.0] * 4)
    assert heights[3] == pytest.approx([100 * share for share in birds.by_chance(20).values()])
    several = draw.face_curves(rows_of("faces"))
    assert len(several.axes) == 4
    assert [text.get_text() for text in several.legends[0].get_texts()] == [
        "linear, 32 pixels",
        "network, 32 pixels",
        "network, 128 pixels",
    ]
    nothing = results.frame([])
    for empty in (draw.bird_curves(nothing), draw.kinship(nothing, birds.by_chance(20)), draw.face_curves(nothing)):
        assert isinstance(empty, Figure) and empty.axes[0].texts[0].get_text() == "not run yet"
