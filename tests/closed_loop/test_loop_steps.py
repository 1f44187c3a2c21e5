"""Steps are made once, in order, and again only where something they were made of has changed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from errors import LoopError, StepDiffers
from steps import Step, after, run_steps, told_seconds, whole


class Kitchen:
    """Steps that note when they are made: base, then sauce and dough, then pie of both."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: list[str] = []
        self.told: list[str] = []
        self.salt = 1
        self.broken = ""

    def steps(self) -> list[Step]:
        needs = {"base": (), "sauce": ("base",), "dough": ("base",), "pie": ("sauce", "dough"), "tea": ()}
        settings: dict[str, dict[str, Any]] = {"sauce": {"salt": self.salt}}
        return [Step(name, "", needs[name], settings.get(name, {}), self.make(name)) for name in needs]

    def make(self, name: str) -> Callable[[Path], dict[str, Any]]:
        def make(place: Path) -> dict[str, Any]:
            self.made.append(name)
            (place / "left").write_text(name)
            if name == self.broken:
                raise LoopError("burnt")
            return {"name": name}

        return make

    def run(self, **given: Any) -> dict[str, Any]:
        self.made.clear()
        return {
            name: done.facts for name, done in run_steps(self.steps(), self.folder, self.told.append, **given).items()
        }


@pytest.fixture
def kitchen(tmp_path: Path) -> Kitchen:
    return Kitchen(tmp_path)


def test_steps_are_made_in_order_and_once(kitchen: Kitchen) -> None:
    names = ["base", "sauce", "dough", "pie", "tea"]
    assert kitchen.run() == {name: {"name": name} for name in names}
    assert kitchen.made == names
    assert kitchen.run() == {name: {"name": name} for name in names}
    assert kitchen.made == []


def test_a_step_that_failed_is_made_on_the_next_start_and_no_other(kitchen: Kitchen) -> None:
    kitchen.broken = "dough"
    with pytest.raises(LoopError, match="burnt"):
        kitchen.run()
    assert kitchen.made == ["base", "sauce", "dough"]
    assert whole(kitchen.folder / "dough") is None
    kitchen.broken = ""
    kitchen.run()
    assert kitchen.made == ["dough", "pie", "tea"]


def test_what_a_failed_step_left_is_there_when_it_is_made_again_and_its_time_counts(kitchen: Kitchen) -> None:
    kitchen.broken = "tea"
    with pytest.raises(LoopError):
        kitchen.run()
    left = kitchen.folder / "tea" / "begun.json"
    left.write_text(left.read_text().replace('"seconds": ', '"seconds": 100'))
    (kitchen.folder / "tea" / "half").write_text("of it")
    kitchen.broken = ""
    kitchen.run()
    done = whole(kitchen.folder / "tea")
    assert (kitchen.folder / "tea" / "half").read_text() == "of it"
    assert done and done.seconds >= 100


def test_making_a_step_anew_makes_what_needs_it_anew_and_deletes_what_was_there(kitchen: Kitchen) -> None:
    kitchen.run()
    (kitchen.folder / "sauce" / "old").write_text("")
    (kitchen.folder / "dough" / "old").write_text("")
    kitchen.run(since="sauce")
    assert kitchen.made == ["sauce", "pie"]
    assert not (kitchen.folder / "sauce" / "old").exists()
    assert (kitchen.folder / "dough" / "old").exists()


def test_a_step_is_made_anew_where_one_that_it_needs_was_made_by_itself(kitchen: Kitchen) -> None:
    kitchen.run()
    for file in (kitchen.folder / "dough").iterdir():
        file.unlink()
    (kitchen.folder / "pie" / "old").write_text("")
    kitchen.run()
    assert kitchen.made == ["dough", "pie"]
    assert not (kitchen.folder / "pie" / "old").exists()


def test_other_settings_refuse_a_whole_step_and_say_which(kitchen: Kitchen) -> None:
    kitchen.run()
    kitchen.salt = 2
    with pytest.raises(StepDiffers, match="step sauce was made with other settings: salt: 1 then, 2 now") as refused:
        kitchen.run()
    assert refused.value.hint.endswith("--from sauce")
    kitchen.run(since="sauce")
    assert kitchen.made == ["sauce", "pie"]


def test_only_makes_one_step_and_says_what_it_lacks(kitchen: Kitchen) -> None:
    assert kitchen.run(only="tea") == {"tea": {"name": "tea"}}
    assert kitchen.made == ["tea"]
    with pytest.raises(LoopError, match="step pie needs sauce, dough, which is not whole"):
        kitchen.run(only="pie")


@pytest.mark.parametrize("flag", ["only", "since"])
def test_an_unknown_step_is_told_with_those_there_are(kitchen: Kitchen, flag: str) -> None:
    with pytest.raises(LoopError, match="there is no step 'soup'") as refused:
        kitchen.run(**{flag: "soup"})
    assert refused.value.hint == "Steps: base, sauce, dough, pie, tea"


def test_what_comes_after_a_step_is_all_that_needs_it(kitchen: Kitchen) -> None:
    assert after(kitchen.steps(), "base") == ["base", "sauce", "dough", "pie"]
    assert after(kitchen.steps(), "tea") == ["tea"]


@pytest.mark.parametrize(("seconds", "told"), [(12.4, "12 s"), (700, "12 min"), (3900, "1 h 05 min")])
def test_times_are_told_as_people_say_them(seconds: float, told: str) -> None:
    assert told_seconds(seconds) == told
