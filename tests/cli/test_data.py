"""`fgr data`: tables that tell what is here, facts of one set, fetching and verifying, and messages that help."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fgr.cli import app
from fgr.cli.data import KINDS
from fgr.data.fetch import fetch
from fgr.data.manifests import manifest, names
from fgr.paths import data_root

HERE = data_root()  # before any test changes FGR_DATA


def fgr(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder that does not exist yet."""
    monkeypatch.setenv("FGR_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def digits(data_folder: Path) -> Path:
    """The folder of mnist_5k in it, with the real file, copied by hand."""
    file = fetch("mnist_5k", HERE) / "mnist_5k.csv.gz"
    (data_folder / "mnist_5k").mkdir(parents=True)
    (data_folder / "mnist_5k" / file.name).write_bytes(file.read_bytes())
    return data_folder / "mnist_5k"


def rows() -> dict[str, list[str]]:
    """The lines of `fgr data list` by name, without headings."""
    lines = [line.split() for line in fgr("data", "list").stdout.splitlines() if line.startswith("  ")]
    return {words[0]: words[1:] for words in lines if words[0] != "name"}


def test_list_groups_every_set_by_kind(data_folder: Path) -> None:
    """Each set once, under the heading of its kind."""
    text = fgr("data", "list").stdout
    assert list(rows()) == [name for kind in KINDS for name in names() if manifest(name).kind == kind]
    for kind, heading in KINDS.items():
        group = text.partition(heading)[2].partition("\n\n")[0]
        for name in names():
            assert bool(re.search(rf"^  {name} ", group, flags=re.MULTILINE)) == (manifest(name).kind == kind)
    assert all(words[0] == "-" for words in rows().values())
    assert f"that is in {data_folder}" in text
    assert not data_folder.exists()


def test_list_shows_sizes_and_counts(data_folder: Path) -> None:
    """A trainval part is not counted twice, an unknown number is left out."""
    listed = rows()
    assert listed["mnist"][1:4] == ["55.0", "MB", "70,000"]
    assert listed["stanford_cars"][1:4] == ["1,957.1", "MB", "16,185"]
    assert listed["cifar100"][1:3] == ["?", "60,000"]
    assert listed["unbc_mcmaster"][1:3] == ["-", "48,398"]
    assert listed["utkface"][1:3] == ["-", "UTKFace"]


def test_list_shows_what_is_here(digits: Path, data_folder: Path) -> None:
    """By a word for each state."""
    for name in ("ck_plus", "synthetic_faces"):
        (data_folder / name).mkdir()
        (data_folder / name / "file").touch()
    assert rows()["mnist_5k"][0] == "unverified"
    fetch("mnist_5k")
    listed = rows()
    states = {name: listed[name][0] for name in ("mnist_5k", "ck_plus", "synthetic_faces", "mnist")}
    assert states == {"mnist_5k": "verified", "ck_plus": "unchecked", "synthetic_faces": "drawn", "mnist": "-"}


@pytest.mark.parametrize("name", names())
def test_show_tells_all_that_the_manifest_knows(name: str, data_folder: Path) -> None:
    """Whatever the width of the screen."""
    entry = manifest(name)
    done = fgr("data", "show", name)
    assert done.exit_code == 0
    text = " ".join(done.stdout.split())
    facts = [entry.title, entry.url, entry.description, entry.licence, entry.citation, entry.protocol, entry.obtain]
    facts += [*entry.faults, str(data_folder / name)]
    facts += [f"{split} {'?' if count is None else f'{count:,}'}" for split, count in entry.splits.items()]
    facts += [file.checksum[1] for file in entry.files] + [file.name for file in entry.files]
    if entry.card:
        facts += [entry.card.consent, entry.card.people, entry.card.use, entry.card.never]
    for fact in facts:
        assert " ".join(fact.split()) in text


def test_show_tells_the_options_of_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """With their types and defaults, and how to say them."""
    monkeypatch.setenv("COLUMNS", "200")
    assert "options     extra: bool = False; e.g. load('svhn', split='train')" in fgr("data", "show", "svhn").stdout
    assert 'options     labels: str = "fine"; e.g.' in fgr("data", "show", "cifar100").stdout
    assert "options     none; e.g." in fgr("data", "show", "mnist").stdout
    assert "options" not in fgr("data", "show", "efficientnet_lite0").stdout


def test_where_prints_the_folder_of_all_or_of_one(data_folder: Path) -> None:
    """For other programs to read."""
    assert fgr("data", "where").stdout == f"{data_folder}\n"
    assert fgr("data", "where", "mnist").stdout == f"{data_folder / 'mnist'}\n"
    assert "did you mean 'mnist'?" in fgr("data", "where", "mnits").stderr


def test_fetch_and_verify_what_is_here(digits: Path) -> None:
    """No connection is needed: the file placed by hand has the right hash."""
    done = fgr("data", "fetch", "mnist_5k")
    assert (done.exit_code, done.stdout) == (0, f"mnist_5k: {digits}\n")
    done = fgr("data", "verify", "mnist_5k")
    assert (done.exit_code, done.stdout) == (0, "mnist_5k: ok\n")


def test_fetch_makes_the_folder_of_a_generated_set(data_folder: Path) -> None:
    """In which its drawings are kept."""
    assert fgr("data", "fetch", "synthetic_birds").stdout == f"synthetic_birds: {data_folder / 'synthetic_birds'}\n"
    assert (data_folder / "synthetic_birds").is_dir()


def test_a_set_that_cannot_be_had_does_not_keep_the_others(digits: Path) -> None:
    """Each failure is said, and the exit code is 2."""
    done = fgr("data", "fetch", "unbc_mcmaster", "mnist_5k", "morph2")
    assert done.exit_code == 2
    assert done.stdout == f"mnist_5k: {digits}\n"
    first, second = done.stderr.splitlines()
    assert first.startswith("fgr: unbc_mcmaster (restricted) cannot be fetched by a program")
    assert second.startswith("fgr: morph2 (restricted) cannot be fetched by a program")
    assert manifest("morph2").obtain in second
    assert str(digits.parent / "morph2") in second


def test_verify_reports_what_is_wrong(digits: Path) -> None:
    """Missing, changed and surplus, with exit code 1."""
    file = digits / "mnist_5k.csv.gz"
    file.write_bytes(b"half")
    (digits / "mine").touch()
    done = fgr("data", "verify", "mnist_5k", "mnist")
    assert done.exit_code == 1
    assert "mnist_5k: changed: mnist_5k.csv.gz (4 bytes instead of" in done.stdout
    assert "mnist_5k: surplus: mine (not in the manifest)" in done.stdout
    assert done.stdout.count("mnist: missing: ") == 4
    assert "ok" not in done.stdout


def test_verify_without_names_takes_what_is_here(digits: Path, data_folder: Path) -> None:
    """And says of sets without hashes that nothing can be compared."""
    for name in ("adience", "synthetic_birds"):
        (data_folder / name).mkdir()
        (data_folder / name / "file").touch()
    done = fgr("data", "verify")
    birds = "synthetic_birds: drawn here, nothing to compare with\n"
    assert (done.exit_code, done.stdout) == (0, f"adience: no hash is published\nmnist_5k: ok\n{birds}")


def test_verify_of_an_empty_folder_says_how_to_begin(data_folder: Path) -> None:
    """Nothing is wrong with having nothing."""
    done = fgr("data", "verify")
    assert done.exit_code == 0
    assert "holds no data set; get one with: fgr data fetch mnist" in done.stdout


@pytest.mark.parametrize("command", ["show", "fetch", "verify", "where"])
def test_unknown_names_are_refused_before_anything_happens(command: str, data_folder: Path) -> None:
    """One line that names the closest."""
    done = fgr("data", command, *["synthetic_faces"] * (command in ("fetch", "verify")), "cifar-10")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("fgr: unknown data set 'cifar-10'; did you mean 'cifar10'?")
    assert not data_folder.exists()
