"""What a sample's file says of each item: all that the run knows, or for blind judgement only what is to be judged."""

from typing import Any

from constitution.digests import derive_uniform, digest
from constitution.exports.messages import metadata, turns
from constitution.records import Candidate, Comparison, Completion, Transcript
from constitution.samples.drawing import Sample, Stratum
from constitution.samples.fields import Source

Item = dict[str, Any]


def items(sample: Sample, blind: bool) -> list[Item]:
    """The items of a sample as JSON objects, in its order.

    Each has `id` (the comparison's, or the row's), `row`, `of`, `stratum`, the stratum's size in the run, how many of
    it are in the sample, and the `weight` of size over drawn: a mean over the run is estimated without bias by the
    weighted mean (Cochran, Sampling Techniques, 3rd edition 1977, chapter 5).

    Args:
        sample: What was drawn.
        blind: Leave out the label, the votes, the sources and the models, the principles and the input's own columns;
            and show the two responses as `a` and `b` in an order that a hash decides. What the stratum says is
            replaced by a hash of it. The same sample without it is the key: there `as_a` names what `a` was. An id is
            no secret: a comparison's names its two sources, but not which of them is shown as `a`.
    """
    return [_item(sample, record, stratum, blind) for record, stratum in sample.records()]


def _item(sample: Sample, record: Source, stratum: Stratum, blind: bool) -> Item:
    said = {"hidden": digest([sample.seed, stratum.values])} if blind else stratum.values
    head = {
        "id": record.id,
        "row": record.row if isinstance(record, Comparison) else record.id,
        "of": sample.of,
        "stratum": said,
        "stratum_size": stratum.size,
        "stratum_drawn": stratum.drawn,
        "weight": stratum.weight,
    }
    first_is_a = derive_uniform("sample side", sample.seed, record.id) < 0.5
    if blind:
        texts = _texts(record)
        a, b = texts if first_is_a else texts[::-1]
        return head | {"prompt": turns(record.prompt), "a": a, "b": b}
    return head | (_comparison(record, first_is_a) if isinstance(record, Comparison) else _chain(record, first_is_a))


def _texts(record: Source) -> tuple[str, str]:
    """The two responses to judge; of a chain the initial one and the final revision."""
    if isinstance(record, Comparison):
        return record.first.text, record.second.text
    return record.response.text, record.responses[-1].text


def _comparison(one: Comparison, first_is_a: bool) -> Item:
    return {
        "as_a": "first" if first_is_a else "second",
        "prompt": turns(one.prompt),
        "first": _candidate(one.first),
        "second": _candidate(one.second),
        "status": one.status,
        "p": one.p,
        "p_forward": one.p_forward,
        "p_reversed": one.p_reversed,
        "disagreement": one.disagreement,
        "principles": sorted({vote.principle for vote in one.votes}),
        "gold": one.gold,
        "metadata": metadata(one.metadata),
    }


def _candidate(one: Candidate) -> Item:
    return {"text": one.text, "source": one.source, "model": one.model, "finish_reason": one.finish_reason}


def _chain(one: Transcript, first_is_a: bool) -> Item:
    return {
        "as_a": "response" if first_is_a else "revision",
        "prompt": turns(one.prompt),
        "response": _completion(one.response),
        "rounds": [
            {
                "principle": round.principle,
                "critique": round.critique.text if round.critique else None,
                "revision": _completion(round.revision),
            }
            for round in one.rounds
        ],
        "metadata": metadata(one.metadata),
    }


def _completion(one: Completion) -> Item:
    return {"text": one.text, "finish_reason": one.finish_reason}
