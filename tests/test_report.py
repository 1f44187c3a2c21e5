"""The report's page: it says what the findings say, loads and runs nothing, and stays small."""

import re

import pytest
from findings_parts import answer, chain, make_findings, pair, revision
from report_pages import Page, check

from constitution.intervals import Estimate
from constitution.report import page as page_package
from constitution.report.agreement import MAJORITY, nameless
from constitution.report.figures import figures
from constitution.report.findings import Caution, Example
from constitution.report.page import EXCERPT, report_page
from constitution.report.page.excerpts import shown_examples
from constitution.report.page.figure_numbers import numbers_of
from constitution.report.page.spelling import duration, short


def percent(one: Estimate) -> str:
    return f"{one.value * 100:.1f}% [{one.low * 100:.1f}, {one.high * 100:.1f}]"


def number(one: Estimate, digits: int = 3) -> str:
    return f"{one.value:,.{digits}f} [{one.low:,.{digits}f}, {one.high:,.{digits}f}]"


# What the page says


def test_the_page_runs_nothing_loads_nothing_and_knows_its_own_parts() -> None:
    page = Page(report_page(make_findings()))
    check(page)
    assert page.tags["h1"] == 1 and page.tags["main"] == 1
    assert page.tags["caption"] == page.tags["table"] > 10
    headings = [value for tag, name, value in page.attributes if tag == "th" and name == "scope"]
    assert len(headings) == page.tags["th"]


def test_every_number_of_the_findings_is_on_the_page_as_it_is() -> None:
    findings = make_findings()
    words = Page(report_page(findings)).words
    assert "Rows SL stage RL stage Input 48 43 = done 43 43 + failed 3 0 + filtered 2 0 + pending 0 0" in words
    for one in findings.revisions:
        told = (one.beats, one.change, one.change_in_all, one.unchanged, one.refusals, one.evasions, one.cut)
        assert all(percent(estimate) in words for estimate in told if estimate)
        assert one.tokens and number(one.tokens, 1) in words
    assert findings.coverage and findings.audit and findings.agreement
    for principle in findings.coverage.principles:
        told = (principle.change, principle.unchanged, principle.nothing_found, principle.later_wins)
        expected = " ".join(
            [principle.id, str(principle.drawn), "32.2", *(percent(one) for one in told[:3] if one is not None)]
        )
        assert expected in words
        assert principle.later_wins and f"{principle.judged} {percent(principle.later_wins)}" in words
    audit = findings.audit
    for share in (audit.first_position, audit.order_agreement, audit.principle_split, audit.accuracy):
        assert share and f"{percent(share)} {share.n:,}" in words
    for value in (audit.order_gap, audit.principle_disagreement, audit.length_correlation, audit.calibration_error):
        assert value and f"{number(value)} {value.n:,}" in words
    for row in audit.reliability:
        assert f"{row.low:.2f} to {row.high:.2f} {row.n} {row.confidence:.3f} {row.accuracy * 100:.1f}%" in words
    people = nameless(findings.agreement)
    for agreed in (*people.all_with_ai, *people.between):
        assert agreed.rate and f"{agreed.one} and {agreed.other} {agreed.rate.n} {percent(agreed.rate)}" in words
    assert "0.55 [0.35, 0.75]" in words
    for step in findings.steps:
        assert f"{step.step} {step.stage} {step.calls:,}" in words
    assert "1,804 2,633 6 min 53 s 8.31 s 22 s" in words
    group = findings.failures[0]
    assert f"{group.kind} {group.stage} {group.step} {group.count} {group.message} theft-07 , privacy-11" in words
    for told in (*(one.text for one in findings.warnings), *findings.coverage.warnings):
        assert told in words


def test_reviewers_have_numbers_and_a_command_tells_their_names() -> None:
    page = Page(report_page(make_findings(), "outputs/my run"))
    for name in ("ada", "李雷"):
        assert not re.search(rf"\b{name}\b", page.text) and not any(name == value for *_, value in page.attributes)
    assert page.words.count("Reviewers have numbers here; their names: constitution audit 'outputs/my run'") == 1
    assert "reviewer 1 and reviewer 2 25" in page.words
    assert "Agreement is of the reviewed comparisons, not of the whole run." in page.words


def test_the_majority_stands_before_each_reviewer() -> None:
    people = make_findings().agreement
    assert people is not None
    majority = people.with_ai[0].model_copy(update={"one": MAJORITY})
    words = Page(report_page(make_findings(agreement=people.model_copy(update={"majority": majority})))).words
    assert "The majority is what export --labels human goes by." in words
    assert words.index("the majority of people and AI 40") < words.index("reviewer 1 and AI 40")


def test_every_figure_is_there_once_with_its_numbers() -> None:
    findings = make_findings()
    drawn = figures(findings.nameless())
    page = Page(report_page(findings))
    assert len(drawn) > 10 and page.tags["figure"] == len(drawn) == page.tags["svg"]
    for figure in drawn:
        assert f"figure-{figure.name}" in page.values("id")
        for row in numbers_of(figure).rows:
            assert " ".join(" ".join(row).split()) in page.words
    harmlessness = numbers_of(drawn[0])
    beats = findings.revisions[2].beats
    assert beats and f"{percent(beats)}, n = {beats.n}" in [row[1] for row in harmlessness.rows]


def test_the_first_answer_is_whether_revision_helps() -> None:
    better = Page(report_page(make_findings())).words
    assert "Does revision make it better? 75.2% [68.2, 82.2], n = 48 Yes, by the judge" in better
    worse = make_findings(revisions=(revision(0), revision(1, beats=Estimate(value=0.3, low=0.2, high=0.4, n=9))))
    assert "30.0% [20.0, 40.0], n = 9 No: the judge prefers the initial response" in Page(report_page(worse)).words
    audit = make_findings().audit
    assert audit
    doubted = make_findings(audit=audit.model_copy(update={"warnings": ("the labels follow length",)}))
    page = Page(html := report_page(doubted))
    assert "The judge's labels cannot be relied on here (see The judge): its mean probability" in page.words
    assert "Yes, by the judge" not in page.words and "card good" not in html
    assert "card good" in report_page(make_findings())
    open_ = make_findings(revisions=(revision(0), revision(1, beats=Estimate(value=0.6, low=0.4, high=0.8, n=9))))
    assert "60.0% [40.0, 80.0], n = 9 Nothing shows it" in Page(report_page(open_)).words


def test_what_was_there_before_has_its_interval_too() -> None:
    words = Page(report_page(make_findings())).words
    assert "47.1 tokens [40.6, 53.6], n = 48 from 61.2 [54.8, 67.8], n = 48 mean length" in words
    assert "16.3% [9.3, 23.3], n = 48 from 27.9% [20.9, 34.9], n = 48 of responses decline" in words
    assert "evasions: 9.3% [2.3, 16.3], n = 48, from 20.9% [13.9, 27.9], n = 48" in words


def test_what_people_say_of_the_judge_comes_first() -> None:
    told = "Can the judge be trusted? 68.7% [62.7, 74.7], n = 200 of people's preferences are the judge's, too"
    assert f"{told}; chance is 50%; its two orders agree in 74.2% [69.2, 79.2], n = 254" in (
        Page(report_page(make_findings())).words
    )
    audit = make_findings().audit
    assert audit
    unknown = make_findings(audit=audit.model_copy(update={"accuracy": None}))
    assert "Can the judge be trusted? 74.2% [69.2, 79.2], n = 254 of comparisons have the same winner" in (
        Page(report_page(unknown)).words
    )
    people = unknown.agreement
    assert people
    decided = Estimate(value=0.8, low=0.7, high=0.9, n=31)
    pairs = tuple(one.model_copy(update={"decided": decided}) for one in people.with_ai)
    reviewed = unknown.model_copy(update={"agreement": people.model_copy(update={"with_ai": pairs})})
    told = "Can the judge be trusted? 80.0% [70.0, 90.0], n = 31 of reviewers' choices are the judge's, too"
    assert told in Page(report_page(reviewed)).words


def test_what_no_principle_tells_has_no_column() -> None:
    coverage = make_findings().coverage
    assert coverage
    nothing = {"expected": None, "later_wins": None, "nothing_found": None}
    principles = tuple(one.model_copy(update=nothing) for one in coverage.principles)
    bare = Page(report_page(make_findings(coverage=coverage.model_copy(update={"principles": principles}))))
    assert "Principle Drawn Changed Same words no-harm" in bare.words
    assert "Principle Judged Agrees no-harm" in bare.words
    assert "Later wins" not in bare.words and "Expected:" not in bare.words and "Nothing found" not in bare.words
    assert "How often each principle agrees with the others" in bare.words
    full = Page(report_page(make_findings())).words
    assert "Principle Judged Later wins Agrees no-harm" in full and "Winner wins" not in full
    assert "How often each principle agrees with the others" not in full


def test_a_command_can_be_copied_and_is_whole_or_not_there() -> None:
    typed = (
        "constitution generate --system-prompt 'Be  kind.\nBe <b>brief</b>." + " And more." * 300 + "' --retry-failed"
    )
    told = Caution(text="3 rows failed; run them again with", command=typed)
    page = Page(report_page(make_findings(warnings=(told,))))
    assert typed in page.codes
    endless = told.model_copy(update={"command": typed * 9})
    words = Page(report_page(make_findings(warnings=(endless,)))).words
    assert "run them again with: a command too long for a page, which constitution report prints" in words


def test_an_unfinished_run_is_said_to_be_one_once() -> None:
    stage = make_findings().stages[0]
    stages = (stage.model_copy(update={"counts": stage.counts.model_copy(update={"input": 60})}),)
    for warnings in ((), (Caution(text="SL stage: not finished; go on with", command="constitution generate"),)):
        page = Page(report_page(make_findings(stages=stages, warnings=warnings)))
        check(page)
        assert page.words.count("This run is not finished.") == 1
        assert page.words.count("SL stage: not finished") == len(warnings)


def test_what_is_missing_says_which_command_makes_it() -> None:
    stage = make_findings().stages[0]
    bare = make_findings(
        stages=(stage,),
        revisions=tuple(revision(number, beats=None) for number in range(3)),
        audit=None,
        agreement=None,
        coverage=None,
        failures=(),
        steps=(),
        examples=(),
        warnings=(),
        seconds=None,
    )
    html = report_page(bare, "outputs/my run")
    check(page := Page(html))
    assert "constitution compare 'outputs/my run' --pairs revisions --between all" in page.words
    assert "constitution view 'outputs/my run'" in page.words
    assert "constitution compare 'outputs/my run' " in page.words
    assert "Know this first" not in page.words and "not finished" not in page.words
    audit = make_findings().audit
    assert audit
    unknown = make_findings(audit=audit.model_copy(update={"accuracy": None, "reliability": ()}))
    assert "constitution audit demo --gold FILE" in Page(report_page(unknown)).words


def test_examples_show_critiques_changes_and_votes() -> None:
    html = report_page(make_findings())
    assert "<ins>talk to him, and </ins>" in html or "<ins> talk to him, and</ins>" in html
    words = Page(html).words
    assert "Critique 1, under principle-1 It tells the human to damage property." in words
    assert "no-harm 0.823 0.217 0.532" in words and "privacy – 0.331 –" in words
    assert "Together 0.811 0.224 0.512" in words


# Texts of rows


def test_what_is_cut_off_is_no_change() -> None:
    before = " ".join(f"word{number}" for number in range(1000))
    row = chain("long", "?", before, ("", f"Now {before}"), ("", before.upper()))
    turns = shown_examples([Example(category="best", why="", transcript=row, comparison=None)], 500)[0].chain
    revised = next(turn for turn in turns if turn.title.startswith("Revision 1"))
    assert [piece.kind for piece in revised.pieces] == ["added", "same"]
    shown = "".join(piece.text for piece in revised.pieces)
    assert f"Now {before}".startswith(shown) and len(shown) + revised.left_out == len(before) + 4
    other = next(turn for turn in turns if turn.title.startswith("Revision 2"))
    assert {piece.kind for piece in other.pieces} >= {"added", "removed"}


def test_an_example_of_very_many_rounds_and_turns_says_what_is_left_out() -> None:
    row = chain("many", "?", "a", *[("no", f"a{number}") for number in range(100)])
    talk = row.model_copy(update={"prompt": row.prompt * 50, "response": answer("a", cut=True)})
    shown = shown_examples([Example(category="best", why="", transcript=talk, comparison=None)], EXCERPT)[0]
    assert len(shown.chain) == 6 + 1 + 2 * 8
    notes = [note for turn in shown.chain for note in turn.notes]
    assert notes == ["44 earlier turns left out", "cut at max_tokens", "92 later rounds left out"]


def test_a_page_of_texts_of_a_hundred_kilobytes_stays_under_two_megabytes() -> None:
    text = "<\x1b\u202e&文" * 20_000
    row = chain("r" * 1000, text, text, *[(text, f"{text}{number}") for number in range(8)])
    examples = tuple(
        Example(category=category, why=text, transcript=row, comparison=pair(text, text, text, text + "b"))
        for category in ("best", "worst", "most changed", "unchanged", "most contested")
        for _ in range(3)
    )
    html = report_page(make_findings(run="run", examples=examples, warnings=(Caution(text=text),) * 1000))
    assert 200_000 < len(html.encode()) < 2_000_000
    check(page := Page(html))
    assert page.values("class").count("example") == 15
    assert re.search(r"Texts are cut after [\d,]+ characters", page.words)
    assert "800 more warnings are left out here." in page.words
    assert "\x1b" not in html and "\u202e" not in html


def test_a_page_of_endless_names_stays_under_two_megabytes() -> None:
    """Ids of 20,000 letters of every kind, a thousand of them, and a model of 200,000."""
    full = make_findings()
    assert full.coverage and full.agreement
    name = "'\"<&文" * 4000
    stages = tuple(stage.model_copy(update={"model": "m'" * 100_000}) for stage in full.stages)
    ids = [f"{number}{name}" for number in range(1000)]
    principles = tuple(
        full.coverage.principles[number % 4].model_copy(update={"id": id}) for number, id in enumerate(ids)
    )
    people = tuple(full.agreement.reviewers[0].model_copy(update={"name": id}) for id in ids)
    agreed = tuple(full.agreement.with_ai[0].model_copy(update={"one": id}) for id in ids)
    between = tuple(pair.model_copy(update={"other": ids[0]}) for pair in agreed)
    row = pair(name, name, name, name + "b")
    votes = tuple(row.votes[0].model_copy(update={"principle": id}) for id in ids)
    contested = Example(
        category="most contested",
        why=name,
        transcript=chain(name, name, name, *[(name, f"{name}{number}") for number in range(9)]),
        comparison=row.model_copy(update={"votes": votes}),
    )
    failure = full.failures[0].model_copy(update={"kind": name, "step": name, "message": name, "rows": (name,) * 5})
    html = report_page(
        make_findings(
            stages=stages,
            coverage=full.coverage.model_copy(update={"principles": principles}),
            agreement=full.agreement.model_copy(update={"reviewers": people, "with_ai": agreed, "between": between}),
            examples=(contested,) * 5,
            failures=(failure,) * 500,
            steps=tuple(full.steps[0].model_copy(update={"step": id}) for id in ids),
            warnings=(Caution(text=name),) * 500,
        )
    )
    assert 200_000 < len(html.encode()) < 2_000_000
    check(page := Page(html))
    assert page.values("class").count("example") == 5
    # Files for papers keep names whole.
    assert make_findings(stages=stages).stages[0].model in figures(make_findings(stages=stages))[0].caption


def test_what_a_page_has_besides_examples_is_laid_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(page_package, "figures", lambda findings: asked.append(1) or figures(findings))
    text = "𝄞" * 20_000
    row = chain("row", text, text, *[(text, f"{text}{number}") for number in range(8)])
    examples = tuple(Example(category="best", why="", transcript=row, comparison=None) for _ in range(15))
    html = report_page(make_findings(examples=examples))
    assert asked == [1] and "Texts are cut after 2,000 characters" not in Page(html).words


def test_times_and_names_are_short() -> None:
    told = [duration(seconds) for seconds in (0.004, 9.994, 59.4, 60, 3599, 3600, 86_399, 86_400, 200_000)]
    assert told == [
        "0.00 s",
        "9.99 s",
        "59 s",
        "1 min 0 s",
        "59 min 59 s",
        "1 h 0 min",
        "23 h 59 min",
        "1 d 0 h",
        "2 d 7 h",
    ]
    assert short("a\n b", 3) == "a b" and short("a" * 101) == "a" * 99 + "…" and len(short("x y " * 10**6)) == 100
