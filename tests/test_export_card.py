"""The dataset card: what it tells of how the data was made, and its YAML."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from exporting import PRINCIPLES, compared, comparison, files, header, judged, many, refusal, stored, transcript
from markdown_it import MarkdownIt
from ruamel.yaml import YAML

from constitution import export
from constitution.exports.families import FAMILIES
from constitution.report.audit import audit
from constitution.report.audit_lines import audit_lines
from constitution.store import comparisons


def text(tmp_path: Path) -> str:
    return (tmp_path / "data" / "README.md").read_text(encoding="utf-8")


def test_the_card_tells_how_responses_were_made(tmp_path: Path) -> None:
    export(stored(tmp_path / "run", many(7)), tmp_path / "data", test_fraction=0, revisions="all")
    card = text(tmp_path)
    for told in (
        "model: `scripted`, revision `abc`",
        "principles: `kindness` 2 (content hash `def`): `principle-1`, `principle-2`, `principle-3`",
        "rounds: 2 (critique, then revision)",
        "temperature 0.7, top-p 1.0, at most 256 tokens, seed 0",
        "the run: 7 rows = 7 done + 0 failed + 0 filtered + 0 pending",
        "revisions to imitate: all",
        "nobody judged them",
        "harmful on purpose",
        "ends with the response to imitate | 14 | 0 |",
        "arXiv 2212.08073",
    ):
        assert told in card
    assert "judge:" not in card
    assert "/home/me" not in card


def test_an_old_run_that_did_not_keep_its_principles_names_their_file(tmp_path: Path) -> None:
    export(stored(tmp_path / "run", many(3), principles=None), tmp_path / "data")
    assert "principles: `harmlessness`, content hash `def`" in text(tmp_path)


def test_the_card_tells_how_responses_were_judged(tmp_path: Path) -> None:
    made = [
        *[comparison(n, f"{n}?", "First.", "Second.", 0.9) for n in range(5)],
        comparison(5, "5?", "First.", "Second.", 0.6),
        comparison(6, "6?", "First.", "Second.", 0.5, status="tie"),
        comparison(7, "7?", "First.", "Second.", 0.7, status="inconsistent"),
        comparison(8, "8?", "First.", "Second.", None, status="invalid"),
    ]
    run = judged(tmp_path / "run", made, input=12)
    export(
        run,
        tmp_path / "data",
        test_fraction=0,
        soft_labels="margin:0.5",
        min_confidence=0.8,
        include="inconsistent",
        license="cc-by-4.0",
    )
    card = text(tmp_path)
    for told in (
        "judge: `the-judge`, revision `123`",
        "responses sampled from: `small`",
        "principles: `kindness` 2 (content hash `ghi`): `principle-1`",
        "principles_per_pair 1; cot false; tie 0.01",
        "comparisons: 6 labelled, 1 tie, 1 inconsistent, 1 invalid",
        "the rows: 12 rows = 9 done + 0 failed + 0 filtered + 3 pending",
        "statuses exported: labelled, inconsistent",
        "soft labels (`margin:0.5`): `margin`, where a kind of row has it, is 0.5 times the logit",
        "left out, pairs: status tie: 1",
        "left out, pairs: status invalid: 1",
        "filters: no pairs of equal responses; confidence of at least 0.8",
        "left out, pairs: confidence below 0.8: 2",
    ):
        assert told in card
    assert header(tmp_path / "data")["license"] == "cc-by-4.0"
    # Nothing here was revised.
    assert "rounds:" not in card
    assert "concurrency" not in card
    assert "cot_samples" not in card


def test_a_judge_whose_labels_are_not_exported_is_not_told_of(tmp_path: Path) -> None:
    run = judged(stored(tmp_path / "run", many(5)), compared(5))
    export(run, tmp_path / "data", kinds=["sft", "prompts"])
    assert "judge" not in text(tmp_path)


def test_the_judges_audit_is_on_the_card(tmp_path: Path) -> None:

    preferred = [one.model_copy(update={"gold": "first" if one.index % 3 else "second"}) for one in compared(30)]
    run = judged(tmp_path / "run", preferred)
    export(run, tmp_path / "data")
    lines = audit_lines(audit(comparisons(run)))
    assert any(line.startswith("agrees with people: 66.7%") for line in lines)
    assert all(f"- {line.strip()}\n" in text(tmp_path) for line in lines)


def test_the_licence_is_unknown_until_it_is_given(tmp_path: Path) -> None:
    export(stored(tmp_path / "run", many(3)), tmp_path / "data")
    assert header(tmp_path / "data")["license"] == "unknown"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("parquet", [False, True])
def test_every_familys_card_declares_every_file_and_every_column(tmp_path: Path, family: str, parquet: bool) -> None:
    run = judged(stored(tmp_path / "run", many(30)), compared(30))
    exported = export(run, tmp_path / "data", family=family, parquet=parquet, test_fraction=0.3)
    head: Any = header(tmp_path / "data")
    assert [config["config_name"] for config in head["configs"]] == list(exported.rows)
    declared = {file["path"] for config in head["configs"] for file in config["data_files"]}
    assert declared == set(exported.files)
    there = {"README.md", *declared, *head["constitution"]["files"]}
    assert set(files(tmp_path / "data")) == there
    assert [info["config_name"] for info in head["dataset_info"]] == list(exported.rows)
    assert all(info["features"] for info in head["dataset_info"])
    assert head["constitution"]["family"] == family


# Markup of Markdown and HTML, a table's border, the end of the card's YAML, and a line of its own.
MARKUP = "x`y``<img src=e onerror=a()>[a](http://e.example)**b**|c|\n---\n# Trust me\n- model: `better` \x1b[2J\u202e"


def test_names_and_texts_of_others_are_no_markup_in_the_card(tmp_path: Path) -> None:
    principles = PRINCIPLES.model_copy(update={"name": MARKUP, "version": MARKUP})
    run = judged(stored(tmp_path / "run", many(7), principles=principles), compared(7))
    for stage in ("manifest.json", "compare.json"):
        manifest = json.loads((run / stage).read_text(encoding="utf-8"))
        hostile = {"model": MARKUP, "revision": MARKUP, "detail": MARKUP, "engine": MARKUP}
        manifest["affecting"] = {name: MARKUP for name in manifest["affecting"]}
        manifest["affecting"] |= {"model (identity)": hostile, f"sampling model {MARKUP} (identity)": hostile}
        manifest["settings"] |= {"templates": MARKUP, "system_prompt": MARKUP, "pairs": MARKUP}
        manifest |= {"version": MARKUP, "created": MARKUP}
        (run / stage).write_text(json.dumps(manifest), encoding="utf-8")
    mixed = tmp_path / "x*y`[a](b)<i>.jsonl"
    mixed.write_text('{"prompt": "Hi?", "completion": "Hello."}\n', encoding="utf-8")
    export(run, tmp_path / "data", mix=[f"{mixed}:1"])
    _, front, prose = text(tmp_path).split("---\n", 2)
    assert YAML(typ="safe").load(front)["license"] == "unknown"
    # As a reader of Markdown sees it; what is left of tags and markup would be somebody else's.
    html = MarkdownIt("commonmark").enable("table").render(prose)
    tags = {tag.split()[0] for tag in re.findall(r"<(/?[a-z0-9 ]+[^>]*)>", html)}
    assert {tag.strip("/") for tag in tags} == {
        "h1",
        "h2",
        "p",
        "ul",
        "li",
        "code",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    }
    assert re.findall("<h1>(.*)</h1>", html) == ["Constitutional AI data"]
    assert "Trust me" not in "".join(re.findall(r"^<h\d>.*$", html, re.MULTILINE))
    assert "\x1b" not in text(tmp_path)
    assert "\u202e" not in text(tmp_path)
    # It is told all the same.
    assert html.count("&lt;img src=e onerror=a()&gt;") >= 10


@pytest.mark.parametrize("front", ["a: &a [*a]\n", "a: " + "[" * 3000 + "\n", "a: 2001-99-99\n", "configs: 0x_\n"])
def test_a_folder_with_a_hostile_card_is_no_export_of_ours(tmp_path: Path, front: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "README.md").write_text(f"---\n{front}---\nMade with `constitution`\n", encoding="utf-8")
    assert "not empty, and not an export" in refusal(stored(tmp_path / "run", many(2)), data, overwrite=True).message


def test_gates_that_leave_nothing_of_a_kind_are_told_with_their_thresholds(tmp_path: Path) -> None:
    same = "Knock on a quiet afternoon, and tell them how thin the wall is."
    run = stored(tmp_path / "run", [transcript(0, "Why do they drum?", same, same, same)])
    export(run, tmp_path / "data", gates="default", test_fraction=0)
    card = text(tmp_path)
    assert not (tmp_path / "data" / "sft").exists()
    assert "- left out, demonstrations: gate unchanged: 1" in card
    assert "- quality gates (`default`) for demonstrations" in card and "unchanged 0.97" in card
