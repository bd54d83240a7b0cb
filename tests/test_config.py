"""Which value a run uses, and what it says to a name, profile or value that it does not know."""

import json
import math
import re
from dataclasses import FrozenInstanceError, dataclass
from pathlib import Path

import pytest

from fgr import config
from fgr.config import ParameterError, as_json, from_notebook, profile_path, profile_values, resolve


@dataclass(frozen=True)
class Demo:
    """Parameters of a notebook that does not exist."""

    epochs: int = 1
    lr: float = 0.1
    mode: str = "local"
    augment: bool = False
    seeds: tuple[int, ...] = (0, 1)
    strengths: tuple[float, ...] = (0.1,)


@pytest.fixture(autouse=True)
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The parameter folder of a project with one notebook, "demo", and two profiles."""
    folder = tmp_path / "notebooks" / "params"
    folder.mkdir(parents=True)
    (folder / "demo.smoke.yaml").write_text("# nothing differs from the defaults\n")
    (folder / "demo.quick.yaml").write_text("epochs: 5\nlr: 1\nseeds: [3, 4, 5]\n")
    monkeypatch.setenv("FGR_HOME", str(tmp_path))
    return folder


# ---------------------------------------------------------------- precedence


def test_explicit_wins_over_profile_wins_over_default() -> None:
    assert resolve(Demo, "demo") == Demo()
    assert resolve(Demo, "demo", "quick") == Demo(epochs=5, lr=1.0, seeds=(3, 4, 5))
    assert resolve(Demo, "demo", "quick", {"epochs": 9}) == Demo(epochs=9, lr=1.0, seeds=(3, 4, 5))


def test_none_means_not_given_but_zero_and_false_are_values() -> None:
    given = resolve(Demo, "demo", "quick", {"epochs": None, "lr": 0, "augment": False, "mode": "", "seeds": []})
    assert given == Demo(epochs=5, lr=0.0, mode="", augment=False, seeds=())


def test_configuration_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        resolve(Demo, "demo").epochs = 2


# ---------------------------------------------------------------- unknown names


def test_unknown_parameter_is_told_the_nearest_one() -> None:
    with pytest.raises(ParameterError) as error:
        resolve(Demo, "demo", "smoke", {"epoch": 1})
    assert str(error.value).startswith("unknown parameter 'epoch' (did you mean 'epochs'?)")
    assert str(error.value).endswith("known: epochs, lr, mode, augment, seeds, strengths")
    with pytest.raises(ParameterError) as error:
        resolve(Demo, "demo", "smoke", {"zzz": 1})
    assert "did you mean" not in str(error.value)


def test_unknown_parameter_without_a_value_is_unknown_too() -> None:
    with pytest.raises(ParameterError, match=r"unknown parameter 'epohcs' \(did you mean 'epochs'\?\)"):
        resolve(Demo, "demo", "smoke", {"epohcs": None})
    with pytest.raises(ParameterError, match="unknown parameter 'epohcs'"):
        from_notebook(Demo, "demo", {"epohcs": None})


def test_unknown_parameter_of_a_profile(params: Path) -> None:
    (params / "demo.quick.yaml").write_text("epoch: 5\n")
    with pytest.raises(ParameterError, match=r"unknown parameter 'epoch' \(did you mean 'epochs'\?\)"):
        resolve(Demo, "demo", "quick")
    (params / "demo.quick.yaml").write_text("on: 5\n")  # YAML takes this name for the word true
    with pytest.raises(ParameterError, match="unknown parameter True"):
        resolve(Demo, "demo", "quick")


@pytest.mark.parametrize("profile", ["quik", 3, None])
def test_unknown_profile(profile: object) -> None:
    with pytest.raises(ParameterError, match=r"unknown profile .*known: smoke, quick, laptop, paper"):
        resolve(Demo, "demo", profile)


def test_profile_that_a_notebook_lacks() -> None:
    with pytest.raises(ParameterError, match="demo has no profile 'paper'; it has: quick, smoke"):
        resolve(Demo, "demo", "paper")
    with pytest.raises(ParameterError, match="other has no profile 'smoke'; it has: none"):
        resolve(Demo, "other")


@pytest.mark.parametrize("text", ["- epochs\n- 5\n", "epochs\n"])
def test_profile_that_is_no_mapping(text: str, params: Path) -> None:
    (params / "demo.quick.yaml").write_text(text)
    with pytest.raises(ParameterError, match=r"demo\.quick\.yaml must hold `name: value` lines"):
        profile_values("demo", "quick")


# ---------------------------------------------------------------- types


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({"lr": 2}, Demo(lr=2.0)),
        ({"seeds": [7]}, Demo(seeds=(7,))),
        ({"strengths": [1, 0.5]}, Demo(strengths=(1.0, 0.5))),
        ({"strengths": (1,)}, Demo(strengths=(1.0,))),
    ],
)
def test_int_for_float_and_list_for_tuple_are_taken(given: dict, taken: Demo) -> None:
    made = resolve(Demo, "demo", "smoke", given)
    assert made == taken
    assert isinstance(made.lr, float)
    assert isinstance(made.seeds, tuple)
    assert all(isinstance(value, float) for value in made.strengths)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epochs": "5"}, "epochs in the parameters must be int, got '5'"),
        ({"epochs": 5.0}, "epochs in the parameters must be int, got 5.0"),
        ({"epochs": True}, "epochs in the parameters must be int, got True"),
        ({"lr": "0.1"}, "lr in the parameters must be float, got '0.1'; write 0.1"),
        ({"lr": "fast"}, "lr in the parameters must be float, got 'fast'"),
        (
            {"strengths": [0.1, "1e-5"]},
            "an entry of strengths in the parameters must be float, got '1e-5'; write 1.0e-05",
        ),
        ({"lr": True}, "lr in the parameters must be float, got True"),
        ({"augment": 1}, "augment in the parameters must be bool, got 1"),
        ({"mode": 1}, "mode in the parameters must be str, got 1"),
        ({"seeds": 1}, 'seeds in the parameters must be a list, got 1; with papermill use -y "{name: [..]}"'),
        ({"seeds": "0, 1"}, "seeds in the parameters must be a list, got '0, 1'"),
        ({"seeds": [0, "1"]}, "an entry of seeds in the parameters must be int, got '1'"),
        ({"strengths": [None]}, "an entry of strengths in the parameters must be float, got None"),
    ],
)
def test_wrong_type_is_named_with_its_value(given: dict, message: str) -> None:
    with pytest.raises(ParameterError) as error:
        resolve(Demo, "demo", "smoke", given)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize("text", ["1e-3", "1e-5", "2.5e3", "1E16", "-3e-07", "0.1", "+.5", "123456789012345678"])
def test_number_that_yaml_takes_for_text_is_written_out(text: str, params: Path) -> None:
    """What the message says to write is that number, when it stands in a profile."""
    with pytest.raises(ParameterError, match=f"got {re.escape(repr(text))}; write ") as error:
        resolve(Demo, "demo", "smoke", {"lr": text})
    (params / "demo.quick.yaml").write_text(f"lr: {str(error.value).rpartition(' ')[2]}\n")
    assert resolve(Demo, "demo", "quick").lr == float(text)


@pytest.mark.parametrize("text", ["fast", "", "nan", "inf", "1e999"])
def test_what_is_no_number_gets_no_such_advice(text: str) -> None:
    with pytest.raises(ParameterError) as error:
        resolve(Demo, "demo", "smoke", {"lr": text})
    assert str(error.value) == f"lr in the parameters must be float, got {text!r}"


def test_wrong_type_in_a_profile_names_the_profile(params: Path) -> None:
    (params / "demo.quick.yaml").write_text("lr: 1e-3\n")  # YAML takes this for text: it wants 1.0e-3
    with pytest.raises(ParameterError, match=r"lr in profile 'quick' must be float, got '1e-3'; write 0\.001"):
        resolve(Demo, "demo", "quick")


# ---------------------------------------------------------------- a notebook's names


def test_parameters_are_found_among_a_notebooks_names() -> None:
    names = {
        "profile": "quick",
        "epochs": 7,
        "lr": None,
        "In": ["..."],
        "Out": {},
        "_": 3,
        "__name__": "__main__",
        "get_ipython": object(),
        "math": math,  # imports, functions and classes are not parameters
        "Path": Path,
        "from_notebook": from_notebook,
    }
    assert from_notebook(Demo, "demo", names) == Demo(epochs=7, lr=1.0, seeds=(3, 4, 5))
    assert names["profile"] == "quick"  # the notebook's own names stay as they are


def test_profile_of_a_notebook_is_smoke_unless_given() -> None:
    assert from_notebook(Demo, "demo", {}) == Demo()


@pytest.mark.parametrize("name", ["epohcs", "Profile"])
def test_misspelt_name_in_a_notebook_stops_it(name: str) -> None:
    with pytest.raises(ParameterError, match=f"unknown parameter '{name}'"):
        from_notebook(Demo, "demo", {"profile": "smoke", name: 7})


# ---------------------------------------------------------------- the rest


def test_json_is_the_same_for_equal_configurations() -> None:
    text = as_json(resolve(Demo, "demo", "smoke", {"lr": 1}))
    assert text == as_json(Demo(lr=1.0))
    assert json.loads(text)["seeds"] == [0, 1]
    assert list(json.loads(text)) == sorted(json.loads(text))


def test_profiles_live_beside_the_notebooks(params: Path) -> None:
    assert {profile_path("demo", profile).parent for profile in config.PROFILES} == {params}
    assert profile_path("demo", "quick").name == "demo.quick.yaml"
