"""`constitution engines`: what can run a model here."""

from constitution.cli.output import Format, FormatOption, tell, tell_json


def engines(format: FormatOption = Format.text) -> None:
    """List the engines that are installed.

    What each one is, whether it can be used now, and what it promises of repeated runs; other packages' engines too.
    """
    import json

    from constitution.engines.installed import installed

    found = installed()
    if format is Format.json:
        tell_json(json.dumps([one.model_dump() for one in found], indent=2))
        return
    for one in found:
        tell(f"{'ok ' if one.usable else '-- '} {one.name}: {one.summary or 'no description'}")
        source = f"from {one.distribution}" if one.distribution else ""
        promise = f"determinism: {one.determinism}" if one.determinism else ""
        facts = [fact for fact in (one.needs if one.usable else "", promise, source, one.problem) if fact]
        tell(f"      {'; '.join(facts)}")
        if one.hint:
            tell(f"      {one.hint}")
