"""The benchmark's own arithmetic: what a ratio is, when an aim is met, when a figure has moved."""

import asyncio
import json
import os
from argparse import ArgumentTypeError
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.bench.__main__ import BASELINE, GROUPS, groups, measure
from loadtests.bench.bare_app import FRAMES, SIZES
from loadtests.bench.baton import Baton, batons
from loadtests.bench.figure import Aim, Figure, Floor, load, quantile, save
from loadtests.bench.report import number, show, write
from loadtests.bench.run import Run, Scale
from loadtests.bench.turns import TOOL_TURN
from loadtests.compare import Movement, Verdict, missing, movements, rounds


def figures(*values: float) -> list[dict[str, Figure]]:
    """Return runs that measured one figure each."""
    return [{"a": Figure("a", value, "ms", Floor(1.0, "a call"))} for value in values]


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1))
def test_quantile_is_one_of_the_values_and_few_exceed_it(values: Sequence[float], share: float) -> None:
    """A quantile was measured, and no more than the rest of the values is above it."""
    found = quantile(values, share)
    assert found in values
    assert sum(value > found for value in values) <= (1 - share) * len(values) + 1e-6


def test_quantile_of_a_hundred() -> None:
    """The 99th percentile of a hundred values leaves none out but the ordinary ones."""
    values = [float(value) for value in range(100, 0, -1)]
    assert (quantile(values, 0.5), quantile(values, 0.99), quantile(values, 1.0)) == (51, 100, 100)


def test_ratio_says_how_many_times_worse_than_the_floor_whichever_way_is_good() -> None:
    """A time of twice the floor and a rate of half the floor are both a ratio of two."""
    assert Figure("time", 4, "ms", Floor(2, "")).ratio == 2
    assert Figure("rate", 300, "/s", Floor(600, ""), is_high_good=True).ratio == 2
    assert Figure("alone", 4, "ms").ratio is None
    assert Figure("nothing", 4, "ms", Floor(0, "")).ratio is None


def test_aim_is_of_the_value_or_of_the_ratio() -> None:
    """An aim is met at its limit and missed beyond it; without one there is no verdict."""
    assert Figure("time", 8, "ms", aim=Aim(8)).is_met is True
    assert Figure("time", 8.1, "ms", aim=Aim(8)).is_met is False
    assert Figure("rate", 599, "/s", aim=Aim(600), is_high_good=True).is_met is False
    assert Figure("rate", 600, "/s", aim=Aim(600), is_high_good=True).is_met is True
    assert Figure("share", 30, "ms", Floor(20, ""), Aim(1.2, of_ratio=True)).is_met is False
    assert Figure("share", 24, "ms", Floor(20, ""), Aim(1.2, of_ratio=True)).is_met is True
    assert Figure("share", 24, "ms", aim=Aim(1.2, of_ratio=True)).is_met is None
    assert Figure("free", 8, "ms").is_met is None


def test_figures_survive_a_file(tmp_path: Path) -> None:
    """What is saved as a baseline is what is compared with later."""
    kept = [
        Figure("a", 1.5, "ms", Floor(0.5, "a call"), Aim(2, of_ratio=True)),
        Figure("b", 600, "/s", is_high_good=True),
    ]
    save(kept, tmp_path / "figures.json")
    assert list(load(tmp_path / "figures.json").values()) == kept
    assert load(tmp_path / "missing.json") == {}


def test_committed_baseline_can_be_read() -> None:
    """The baseline that `make bench` shows is there, and holds figures with floors."""
    baseline = load(BASELINE)
    assert baseline
    assert any(figure.ratio for figure in baseline.values())


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ((1.0, 1.0, 1.0), (1.2, 1.2, 1.2), Verdict.WORSE),
        ((1.0, 1.0, 1.0), (0.8, 0.8, 0.8), Verdict.BETTER),
        ((1.0, 1.0, 1.0), (1.1, 1.1, 1.1), Verdict.SAME),
        ((1.0, 1.05, 0.97), (1.2, 1.26, 1.18), Verdict.WORSE),  # a noisy machine hides no 20 %
        ((1.0, 1.0, 9.0), (1.2, 1.2, 0.1), Verdict.WORSE),  # nor does one run gone wrong on each side
        ((1.0, 1.5, 0.7), (1.3, 0.9, 1.6), Verdict.SAME),  # what differs as much from itself has not moved
        ((1.0, 2.0, 3.0), (1.2, 2.4, 3.6), Verdict.WORSE),  # a machine that changes changes for both
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), Verdict.SAME),
    ],
)
def test_what_moved(before: Sequence[float], after: Sequence[float], verdict: Verdict) -> None:
    """A figure moved if the rounds' changes are beyond the threshold, and beyond what they differ from each other."""
    assert Movement("a", before, after).verdict is verdict


def test_a_lower_rate_is_a_regression() -> None:
    """Rates count the other way round: fewer is worse."""
    before = [{"r": Figure("r", 100, "/s", is_high_good=True)}] * 3
    after = [{"r": Figure("r", 50, "/s", is_high_good=True)}] * 3
    [moved] = movements(before, after)
    assert moved.verdict is Verdict.WORSE
    assert moved.change == pytest.approx(1.0)


async def test_compared_benchmarks_go_on_by_turns_until_one_has_ended() -> None:
    """The first begins, each waits while the other does a piece, and whoever is left over waits for nobody."""
    did: list[str] = []

    async def bench(name: str, pieces: int, ends: tuple[int, int]) -> None:
        baton = Baton(*ends)
        await baton.take()
        for _ in range(pieces):
            did.append(name)
            await baton.give_way()
        for end in ends:
            os.close(end)

    with batons() as ends:
        own = [(os.dup(comes), os.dup(goes)) for comes, goes in ends]
    async with asyncio.timeout(20):
        await asyncio.gather(*(bench(name, n, end) for name, n, end in zip("ab", (2, 5), own, strict=True)))
    assert did == ["a", "b", "a", "b", "b", "b", "b"]


def test_only_what_every_run_has_is_compared() -> None:
    """A figure that one side does not know is left out rather than guessed."""
    old, new = figures(1.0), figures(1.0)
    new[0]["b"] = Figure("b", 1, "ms")
    assert [moved.name for moved in movements(old, new)] == ["a"]
    assert (missing(old, new), missing(new, old)) == (["b"], [])
    assert movements([], []) == []


def test_what_this_tree_measures_no_more_is_not_passed_over() -> None:
    """A group that failed in one of the rounds has no figures there: that is told, and is no draw."""
    old, new = figures(1.0, 1.0), figures(1.0, 1.0)
    new[1].clear()
    assert movements(old, new) == []
    assert (missing(old, new), missing(new, old)) == ([], ["a"])


async def test_group_that_fails_takes_no_other_along(monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures of the rest are kept, and why it failed is told."""
    told: list[str] = []

    async def fails(_: Run) -> list[Figure]:
        message = "no such route"
        raise ValueError(message)

    async def succeeds(_: Run) -> list[Figure]:
        return [Figure("a", 1.0, "ms")]

    monkeypatch.setattr("loadtests.bench.__main__.GROUPS", {"first": fails, "second": succeeds})
    kept, failed = await measure(Run(Scale(), None, told.append), ["first", "second"])
    assert ([figure.name for figure in kept], failed) == (["a"], ["first"])
    assert any("no such route" in line for line in told)


def test_groups_are_named_in_any_order() -> None:
    """Groups run in the order of the report; an unknown one is refused with the names that there are."""
    assert groups("kills, turns") == ["turns", "kills"]
    with pytest.raises(ArgumentTypeError, match="choose from start"):
        groups("turns,nothing")
    assert groups(",".join(GROUPS)) == list(GROUPS)


def test_one_run_of_each_side_is_no_comparison() -> None:
    """Without several rounds nobody knows how much runs differ by themselves."""
    assert rounds("3") == 3
    with pytest.raises(ArgumentTypeError, match="at least 3"):
        rounds("2")


def test_report_goes_between_the_marks(tmp_path: Path) -> None:
    """Words around the tables stay, the old tables go; figures with an aim come first."""
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- figures -->\nold\n<!-- end of figures -->\nafter\n")
    for _ in range(2):
        write(
            [Figure("b", 1, "ms"), Figure("a \\1", 70, "/s", Floor(140, "x"), Aim(60), is_high_good=True)],
            page,
            "on a Tuesday",
        )
    assert page.read_text().splitlines() == [
        "before",
        "<!-- figures -->",
        "Measured on a Tuesday.",
        "",
        "| figure | value | floor | ratio | aim |  |",
        "| --- | --- | --- | --- | --- | --- |",
        "| a \\1 | 70.0 /s | 140 (x) | 2.00 | ≥ 60.0 | met |",
        "",
        "| figure | value | floor | ratio |",
        "| --- | --- | --- | --- |",
        "| b | 1.0 ms |  |  |",
        "<!-- end of figures -->",
        "after",
    ]
    page.write_text("nothing here")
    with pytest.raises(ValueError, match="no place"):
        write([], page, "never")


def test_table_shows_the_baseline_beside_today(capsys: pytest.CaptureFixture[str]) -> None:
    """The ratio of the baseline stands beside today's."""
    show([Figure("a", 3.0, "ms", Floor(1.0, "a call"))], figures(2.5)[0])
    assert "3.00" in (shown := capsys.readouterr().out)
    assert "2.50" in shown


def test_numbers_have_about_three_digits() -> None:
    """Figures are read by people."""
    assert [number(value) for value in (12_345.6, 12.34, 0.456)] == ["12,346", "12.3", "0.46"]


def test_bare_frames_have_the_size_of_real_ones() -> None:
    """The floor's frames are as long as the server's, and named so that the client finds them."""
    assert [len(frame) - 2 for frame in FRAMES] == [size for _, size in SIZES]
    assert all(frame.startswith(f"event: {name}\n".encode()) for frame, (name, _) in zip(FRAMES, SIZES, strict=True))


def test_tool_turn_is_a_script_of_two_calls_and_a_reply() -> None:
    """The script of the tool turn is what the simulated model reads: a JSON object a line."""
    lines = [json.loads(line) for line in TOOL_TURN.splitlines()[1:-1]]
    assert [set(line) for line in lines] == [{"call"}, {"say"}]
    assert len(lines[0]["call"]) == 2
