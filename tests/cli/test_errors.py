"""What a command says of an error: one line, and where it was raised if that is asked for or worth asking."""

from collections.abc import Callable

import pytest
import torch
import typer

from fgr.checks import check_positive
from fgr.cli.errors import clear_errors


def said(command: Callable[[], object], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Return the exit code of a command that fails, and its standard error."""
    with pytest.raises(typer.Exit) as end:
        clear_errors(command)()
    return end.value.exit_code, capsys.readouterr().err


def wrong_request() -> None:
    check_positive(-1, "seconds")


def defect() -> None:
    torch.nn.functional.cross_entropy(torch.zeros(2, 3), torch.zeros(3, dtype=torch.long))


def missing_file() -> None:
    raise FileNotFoundError(2, "No such file or directory", "absent.csv")


@pytest.fixture(autouse=True)
def no_debugging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FGR_DEBUG", raising=False)


def test_an_error_of_our_own_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(wrong_request, capsys) == (2, "fgr: seconds must be a finite number above 0, got -1\n")
    assert said(missing_file, capsys) == (1, "fgr: [Errno 2] No such file or directory: 'absent.csv'\n")


def test_a_value_error_of_another_library_may_be_a_defect(capsys: pytest.CaptureFixture[str]) -> None:
    """Still one line, which says how to see more."""
    code, words = said(defect, capsys)
    assert code == 2 and words.count("\n") == 1
    assert words.startswith("fgr: Expected input batch_size (2) to match target batch_size (3)")
    assert words.endswith(" (ValueError; FGR_DEBUG=1 prints where)\n")


@pytest.mark.parametrize("command", [wrong_request, defect, missing_file])
def test_where_it_was_raised_is_printed_on_demand(
    command: Callable[[], None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The traceback, then the same line."""
    code, line = said(command, capsys)
    monkeypatch.setenv("FGR_DEBUG", "1")
    again, words = said(command, capsys)
    assert again == code and words.startswith("Traceback (most recent call last):\n") and words.endswith(line)
    assert f"in {command.__name__}\n" in words
    monkeypatch.setenv("FGR_DEBUG", "0")
    assert said(command, capsys) == (code, line)


def test_what_nobody_expects_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        clear_errors(lambda: 1 / 0)()
