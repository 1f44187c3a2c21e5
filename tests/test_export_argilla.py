"""`export --for argilla` of whole runs; its client reads what is written in `tests/formats`."""

import json
from pathlib import Path

from exporting import comparison, judged, many, origin, rows, stored, transcript
from given_reviews import on_comparison

from constitution import export


def test_the_suggestion_is_the_judges_label_under_its_name(tmp_path: Path) -> None:
    run = judged(
        tmp_path / "run",
        [
            comparison(0, "Why?", "First 0.", "Second 0.", 0.9),
            comparison(1, "How?", "First 1.", "Second 1.", 0.2),
            comparison(2, "Who?", "First 2.", "Second 2.", 0.5, status="tie"),
            comparison(3, "When?", "First 3.", "Second 3.", None, status="invalid"),
        ],
    )
    made = export(run, tmp_path / "data", family="argilla", include="tie", test_fraction=0)
    assert made.rows == {"comparisons": {"train": 3}} and made.empty == ("revisions",)
    records = rows(tmp_path / "data", "comparisons")
    assert [record["id"] for record in records] == [f"row-{n}/sample-1-sample-2" for n in range(3)]
    suggested = [record["suggestions"]["better"] for record in records]
    assert [one["agent"] for one in suggested] == ["the-judge"] * 3
    assert [round(one["score"], 6) for one in suggested] == [0.9, 0.8, 0.5]
    better = [record["fields"][f"response_{one['value']}"] for record, one in zip(records, suggested, strict=True)]
    assert better[:2] == ["First 0.", "Second 1."] and better[2] in ("First 2.", "Second 2.")
    assert [record["metadata"]["status"] for record in records] == ["labelled", "labelled", "tie"]
    assert [record["metadata"]["row"] for record in records] == ["row-0", "row-1", "row-2"]
    assert json.loads(records[1]["metadata"]["origin"])["chosen"]["source"] == "sample-2"


def test_what_nobody_judged_says_so(tmp_path: Path) -> None:
    export(stored(tmp_path / "run", many(3)), tmp_path / "data", family="argilla", test_fraction=0)
    for record in rows(tmp_path / "data", "comparisons"):
        assert record["suggestions"]["better"]["agent"].startswith("unjudged")
        assert record["metadata"]["status"] == "unjudged"


def test_what_people_judged_is_suggested_by_people_and_guided_so(tmp_path: Path) -> None:
    tie = comparison(0, "Why?", "First.", "Second.", 0.5, status="tie")
    run = judged(tmp_path / "run", [tie])
    on_comparison(run, tie, "ada", "second")
    export(run, tmp_path / "data", family="argilla", labels="human", test_fraction=0)
    (record,) = rows(tmp_path / "data", "comparisons")
    assert (record["suggestions"]["better"]["agent"], record["metadata"]["status"]) == ("people", "tie")
    settings = json.loads((tmp_path / "data" / "comparisons" / "settings.json").read_text())
    assert "(a model, or people)" in settings["guidelines"] and "is a model's label" not in settings["guidelines"]
    assert {one["name"]: one["title"] for one in settings["metadata"]}["status"] == "status of the AI's label"


def test_revisions_stand_beside_the_responses_that_they_revise(tmp_path: Path) -> None:
    chains = [transcript(0, "Why?", "Bad.", "Better.", "Best."), transcript(1, "How?", "Fine.", "Fine.")]
    export(stored(tmp_path / "run", chains), tmp_path / "data", family="argilla", kinds=["revisions"], test_fraction=0)
    first, second = rows(tmp_path / "data", "revisions")
    assert first["id"] == "row-0 revision-2"
    assert (first["fields"]["response"], first["fields"]["revision"]) == ("Bad.", "Best.")
    assert first["metadata"]["principles"] == ["principle-1", "principle-2"]
    assert [row["metadata"]["changed"] for row in (first, second)] == ["changed", "unchanged"]


def test_each_kind_that_was_written_has_its_settings_and_a_script_logs_jsonl(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", many(3))
    export(run, tmp_path / "one", family="argilla", kinds=["revisions"])
    there = {path.relative_to(tmp_path / "one").as_posix() for path in (tmp_path / "one").rglob("*.*")}
    assert there >= {"revisions/settings.json", "log.py"} and "comparisons/settings.json" not in there
    settings = json.loads((tmp_path / "one" / "revisions" / "settings.json").read_text())
    row = rows(tmp_path / "one", "revisions")[0]
    assert {field["name"] for field in settings["fields"]} == row["fields"].keys()
    assert row["suggestions"].keys() <= {question["name"] for question in settings["questions"]}
    assert all(field["settings"]["use_markdown"] is False for field in settings["fields"])
    compile((tmp_path / "one" / "log.py").read_text(), "log.py", "exec")
    export(run, tmp_path / "two", family="argilla", parquet=True)
    assert not (tmp_path / "two" / "log.py").exists()
    # Another export may take its place: nothing in it is anybody else's.
    export(run, tmp_path / "one", family="argilla", overwrite=True)
    assert "is a JSON object as text" not in (tmp_path / "one" / "README.md").read_text()
    assert origin({"metadata": row["metadata"]["origin"]})["id"] == row["metadata"]["row"]
