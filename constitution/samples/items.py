"""What a sample's file says of each item: all that the run knows, or for blind judgement only what is to be judged."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from constitution.digests import derive_uniform, digest
from constitution.records import Candidate, Comparison, Completion, Message, Transcript
from constitution.samples.drawing import Sample, Stratum
from constitution.samples.fields import Source

Item = dict[str, Any]


def items(sample: Sample, blind: bool) -> list[Item]:
    """The items of a sample as JSON objects, in its order.

    Each has `id` (the comparison's, or the row's), `blind_id`, `row`, `of`, `stratum`, the stratum's size in the run,
    how many of it are in the sample, and the `weight` of size over drawn: a mean over the run is estimated without bias
    by the weighted mean (Cochran, Sampling Techniques, 3rd edition 1977, chapter 5).

    Args:
        sample: What was drawn.
        blind: Only `blind_id`, `of`, the prompt, and the two responses as `a` and `b` in an order that a hash decides.
            Left out is all that tells what the judge said or which response is which: also the stratum, its size and
            the weight, which give the label's kind away, and the id, which names the sources. The same sample without
            it is the key: by `blind_id` its items are found, and `as_a` names what `a` was.
    """
    return [_item(sample, record, stratum, blind) for record, stratum in sample.records()]


def _item(sample: Sample, record: Source, stratum: Stratum, blind: bool) -> Item:
    # Of the whole record, as only the run has it: from an id alone, or the texts, anybody could tell the hashes.
    secret = digest(record.model_dump(mode="json", exclude_unset=True))
    blind_id = digest(["sample blind", sample.seed, secret])
    first_is_a = derive_uniform("sample side", sample.seed, secret) < 0.5
    if blind:
        texts = _texts(record)
        a, b = texts if first_is_a else texts[::-1]
        return {"blind_id": blind_id, "of": sample.of, "prompt": _turns(record.prompt), "a": a, "b": b}
    head = {
        "id": record.id,
        "blind_id": blind_id,
        "row": record.row if isinstance(record, Comparison) else record.id,
        "of": sample.of,
        "stratum": stratum.values,
        "stratum_size": stratum.size,
        "stratum_drawn": stratum.drawn,
        "weight": stratum.weight,
    }
    return head | (_comparison(record, first_is_a) if isinstance(record, Comparison) else _chain(record, first_is_a))


def _texts(record: Source) -> tuple[str, str]:
    """The two responses to judge; of a chain the initial one and the final revision."""
    if isinstance(record, Comparison):
        return record.first.text, record.second.text
    return record.response.text, record.responses[-1].text


def _comparison(one: Comparison, first_is_a: bool) -> Item:
    return {
        "as_a": "first" if first_is_a else "second",
        "prompt": _turns(one.prompt),
        "first": _candidate(one.first),
        "second": _candidate(one.second),
        "status": one.status,
        "p": one.p,
        "p_forward": one.p_forward,
        "p_reversed": one.p_reversed,
        "disagreement": one.disagreement,
        "principles": sorted({vote.principle for vote in one.votes}),
        "gold": one.gold,
        "metadata": _metadata(one.metadata),
    }


def _candidate(one: Candidate) -> Item:
    return {"text": one.text, "source": one.source, "model": one.model, "finish_reason": one.finish_reason}


def _chain(one: Transcript, first_is_a: bool) -> Item:
    return {
        "as_a": "response" if first_is_a else "revision",
        "prompt": _turns(one.prompt),
        "response": _completion(one.response),
        "rounds": [
            {
                "principle": round.principle,
                "critique": round.critique.text if round.critique else None,
                "revision": _completion(round.revision),
            }
            for round in one.rounds
        ],
        "metadata": _metadata(one.metadata),
    }


def _completion(one: Completion) -> Item:
    return {"text": one.text, "finish_reason": one.finish_reason}


def _turns(prompt: Sequence[Message]) -> list[Item]:
    return [turn.model_dump() for turn in prompt]


def _metadata(columns: Mapping[str, JsonValue]) -> str:
    """As JSON text: readers of JSONL infer the types of nested columns from the first rows, and fail at others."""
    return json.dumps(columns, ensure_ascii=False)
