"""`constitution principles coverage`: what each principle of a run did."""

from constitution.cli.output import Format, FormatOption, results, tell_json
from constitution.cli.runs import RunArgument


def coverage(run: RunArgument, format: FormatOption = Format.text) -> None:
    """Tell what each principle of a run did.

    How often it was drawn, how much its revisions changed, how often its critiques found nothing; in comparisons, how
    it voted and how often with the others. From stored records: no model is asked.
    """
    from constitution.report.coverage import coverage as examine
    from constitution.report.coverage_table import print_coverage

    found = examine(run)
    if format is Format.json:
        tell_json(found.model_dump_json(indent=2))
    else:
        print_coverage(results(), run, found)
