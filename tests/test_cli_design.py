"""`omr design` as its users type it."""

from __future__ import annotations

from pathlib import Path

import pypdfium2 as pdfium
import pytest
from typer.testing import CliRunner, Result

from omr.cli_design import design_app
from omr.design import builtin_names, load_design
from tests.test_design import SMALL, changed


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(design_app, [str(word) for word in words])


def design_file(folder: Path, text: str = SMALL) -> Path:
    path = folder / "small.toml"
    path.write_text(text, "utf-8")
    return path


def test_list_names_every_builtin_design() -> None:
    result = run("list")
    assert result.exit_code == 0
    for name in builtin_names():
        assert name in result.stdout
        assert load_design(name).title in result.stdout


@pytest.mark.parametrize("name", builtin_names())
def test_check_passes_the_builtin_designs(name: str) -> None:
    result = run("check", name)
    assert result.exit_code == 0
    assert "no fault found" in result.stdout


def test_check_names_lines_and_exits_with_2(tmp_path: Path) -> None:
    faulty = changed(("column = 2, row = 15", "column = 2, row = 11"))
    result = run("check", design_file(tmp_path, faulty))
    assert result.exit_code == 2
    assert result.stdout.startswith("line 33: bubbles ticket")
    assert "to mend" in result.stderr


def test_check_says_what_the_parser_refuses(tmp_path: Path) -> None:
    result = run("check", design_file(tmp_path, changed(("count = 20", "count = 2"))))
    assert result.exit_code == 2
    assert "count must be a whole number from 3" in result.stderr


@pytest.mark.parametrize("command", ["check", "show"])
def test_an_unknown_design_is_told_with_the_known_ones(command: str) -> None:
    result = run(command, "nonesuch")
    assert result.exit_code == 2
    assert "cn-health-203" in result.stderr


def test_show_sums_a_card_up() -> None:
    result = run("show", "cn-health-203")
    design = load_design("cn-health-203")
    assert result.exit_code == 0
    for part in ("210 × 297 mm", "628 bubbles", design.hash, "46 marks", "q76 … q100: ABCDE",
                 "准考证号: 0123456789 × 12", "Code128"):  # fmt: skip
        assert part in result.stdout


def test_print_writes_the_blank_card(tmp_path: Path) -> None:
    out = tmp_path / "card.pdf"
    result = run("print", "two-sided-60", "--out", out)
    assert result.exit_code == 0, result.stderr
    assert len(pdfium.PdfDocument(out.read_bytes())) == 2


def test_print_takes_a_roster_and_a_design_of_ones_own(tmp_path: Path) -> None:
    roster = tmp_path / "roster.csv"
    roster.write_text("准考证号,姓名\n000001,张三\n000002,李四\n", "gb18030")
    out = tmp_path / "cards.pdf"
    result = run("print", design_file(tmp_path), "--roster", roster, "--out", out)
    assert result.exit_code == 0, result.stderr
    assert len(pdfium.PdfDocument(out.read_bytes())) == 2
    assert "2 cards" in result.stdout


def test_print_refuses_a_bad_roster_and_a_folder_that_is_not_there(tmp_path: Path) -> None:
    roster = tmp_path / "roster.csv"
    roster.write_text("准考证号,姓名\n1,张三\n", "utf-8")
    result = run("print", "cn-health-203", "--roster", roster, "--out", tmp_path / "a.pdf")
    assert result.exit_code == 2
    assert "row 2" in result.stderr
    result = run("print", "cn-health-203", "--out", tmp_path / "none" / "a.pdf")
    assert result.exit_code == 4
    assert not list(tmp_path.glob("**/*.pdf"))


def test_print_refuses_a_faulty_design_unless_told_to(tmp_path: Path) -> None:
    faulty = design_file(tmp_path, changed(("column = 2, row = 15", "column = 2, row = 11")))
    out = tmp_path / "cards.pdf"
    result = run("print", faulty, "--out", out)
    assert result.exit_code == 2
    assert "overlap" in result.stderr
    assert not out.exists()
    assert run("print", faulty, "--out", out, "--anyway").exit_code == 0
    assert out.exists()
