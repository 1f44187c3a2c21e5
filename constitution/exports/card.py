"""The dataset card: YAML that tells `datasets` what is where, and prose that tells people."""

import io
from collections.abc import Iterable

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from constitution.exports.facts import Facts
from constitution.exports.prose import export_lines, judge_lines, labels_told, revise_lines, score_lines
from constitution.yaml_limits import Unsafe, check_limits

# Also how an export is told from any other folder.
MADE_WITH = "Made with `constitution`"


def card(facts: Facts) -> str:
    """The text of README.md."""
    sections = [
        f"---\n{_front_matter(facts)}---\n",
        "# Constitutional AI data\n",
        f"{MADE_WITH}, in the formats of {facts.stacks}, by Constitutional AI (Bai et al. 2022, arXiv 2212.08073).\n",
        "\n".join(["| config | what | train | test |", "|---|---|---|---|", *_table(facts)]) + "\n",
    ]
    if facts.revise:
        sections.append(_section("How the responses were made", revise_lines(facts.revise, facts.counts["revise"])))
    if facts.judge:
        unused = ", by an AI whose labels are not used" if facts.options.labels == "human" else ""
        told = judge_lines(facts.judge, facts.counts["compare"])
        sections.append(_section(f"How the responses were judged{unused}", told))
        sections.append(_section("How far to trust the judge", facts.judge.audit))
    if facts.scored:
        sections.append(_section("How the responses were scored", score_lines(facts.scored, facts.counts["score"])))
    if facts.agreement:
        sections.append(_section("What people say of it", facts.agreement))
    sections.append(_section("What was exported", export_lines(facts)))
    where = " (`labelled_by` in `metadata`)" if labels_told(facts) else ""
    checked = "" if facts.options.labels == "ai" else f" but those that people reviewed{where}"
    sections.append(
        "## Care\n\n"
        "Some prompts, and many of the responses that are rejected or revised, are harmful on purpose: they are there "
        f"to be learnt from, not to be shown or imitated. No person has checked the others{checked}: they are mostly "
        "a model's work, and what is called better here is what a model or the method holds to be better.\n"
    )
    return "\n".join(sections)


def files_of(text: str) -> set[str]:
    """The files that a card written by `card` belongs to, by path; none if it is another's."""
    parts = text.split("---\n", 2)
    if MADE_WITH not in text or len(parts) < 3 or parts[0]:
        return set()
    try:
        # The card of a folder that others may have made: one that breaks the limits is none of ours.
        check_limits(parts[1])
        header = YAML(typ="safe", pure=True).load(parts[1])
        data = {file["path"] for config in header["configs"] for file in config["data_files"]}
        return data | set(header.get("constitution", {}).get("files", []))
    except (Unsafe, YAMLError, KeyError, TypeError, AttributeError):
        return set()


def _front_matter(facts: Facts) -> str:
    header = {
        "license": facts.options.license,
        "tags": ["constitutional-ai", "synthetic"],
        "configs": [
            {
                "config_name": name,
                **({"default": True} if place == 0 else {}),
                "data_files": [
                    {"split": split, "path": f"{name}/{split}{facts.suffixes[name]}"}
                    for split in sorted(splits, reverse=True)
                ],
            }
            for place, (name, splits) in enumerate(facts.written.items())
        ],
        # Types are declared, not inferred: a first file without some value must not change a column's type.
        "dataset_info": [{"config_name": name, "features": facts.kinds[name].columns} for name in facts.written],
        # What else the folder holds; another export may replace these files and no others.
        "constitution": {"family": facts.family, "files": list(facts.extra)},
    }
    buffer = io.StringIO()
    yaml = YAML()
    # The card's YAML holds each list of fields once per use: anchors would be valid, but readers choke on them.
    yaml.representer.ignore_aliases = lambda _: True
    yaml.dump(header, buffer)
    return buffer.getvalue()


def _table(facts: Facts) -> Iterable[str]:
    for name, splits in facts.written.items():
        yield f"| {name} | {facts.kinds[name].meaning} | {splits.get('train', 0)} | {splits.get('test', 0)} |"


def _section(title: str, lines: Iterable[str]) -> str:
    """A heading and a list; an indented line belongs to the one before it."""
    items = [f"  - {line.lstrip()}" if line.startswith(" ") else f"- {line}" for line in lines]
    return "\n".join([f"## {title}\n", *items]) + "\n"
