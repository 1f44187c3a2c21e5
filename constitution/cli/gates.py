"""`constitution gates`: what is wrong with a run's revisions as training data."""

from typing import TYPE_CHECKING, Annotated

import typer

from constitution.cli.output import Format, FormatOption, tell, tell_json
from constitution.cli.remote import named
from constitution.cli.runs import RunArgument
from constitution.errors import command

if TYPE_CHECKING:
    from constitution.exports.gated import LeftOut
    from constitution.gates.flags import Gated


def gates(
    run: RunArgument,
    gates: Annotated[
        str, typer.Option("--gates", metavar="SET", help="Which: default, strict, or a YAML file of thresholds.")
    ] = "default",
    format: FormatOption = Format.text,
) -> None:
    """Tell what quality gates catch in a run's revisions.

    Unchanged revisions, talk about the rewriting, role markers, echoes, loops, boilerplate, another language and more,
    each by a score and a threshold. Writes gates.jsonl in the run's folder; nothing is deleted. `export` leaves out
    what a set of gates flags (`--gates`).
    """
    import json

    from constitution.exports.foreseen import foresee
    from constitution.gates.flags import check_asked, check_transcripts, write_flags
    from constitution.gates.gating import Gating, look
    from constitution.gates.sets import DEFAULT, STRICT, find_set

    asked = find_set(gates)
    check_asked(asked)
    check_transcripts(run)
    frequencies = look(run)
    found = write_flags(run, Gating(asked, frequencies))
    sets = {one.name: one for one in (DEFAULT, STRICT, asked)}
    left_out = [foresee(run, Gating(one, frequencies)) for one in sets.values()]
    if format is Format.json:
        told = {"left_out": [one.model_dump(mode="json") for one in left_out]}
        tell_json(json.dumps(found.model_dump(mode="json") | told, indent=2))
        return
    _print(named(run), found)
    for one in left_out:
        tell(_foreseen(one))
    tell(f"flags: {run / 'gates.jsonl'}")
    tell(f"Leave them out of the training data: {command('export', named(run), '--to', 'DIR', '--gates', gates)}", True)


def _print(run: str, found: "Gated") -> None:
    from constitution.report.terminal import plural

    looked = f"{plural(found.rows, 'row')}, {plural(found.responses, 'revision')}"
    tell(f"{run}: {looked}; set {found.set}: {found.flagged_rows} final revisions flagged")
    tell(f"  {'gate':<12}{'from':>6}{'revisions':>11}{'final':>7}   a response that …")
    for one in found.gates:
        tell(f"  {one.gate:<12}{one.threshold:>6g}{one.responses:>11}{one.rows:>7}   {one.about}")
    for one in found.gates:
        for flag in one.examples:
            # In one line each, whatever the row is called.
            told = " ".join(f"{flag.id}, {flag.response}: {flag.score:.2f}, {flag.told}".split())
            tell(f"  {one.gate}: {told}")


def _foreseen(one: "LeftOut") -> str:
    return (
        f"export --gates {one.set} leaves out {one.demonstrations} of {one.of_demonstrations} demonstrations, "
        f"{one.pairs} of {one.of_pairs} pairs"
    )
