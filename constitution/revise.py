"""The SL chain of one prompt: respond, then K times criticise and rewrite (Bai et al. 2022, section 3.1)."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from constitution.principles import PrincipleSet
from constitution.records import Completion, Message, Prompt, Round, Transcript
from constitution.templating import TemplateSet

# One model call of one row: the step's name and the conversation in, the answer out. The runner binds it to the row,
# its journal and its seeds.
Ask = Callable[[str, Sequence[Message]], Coroutine[Any, Any, Completion]]


async def revise(
    prompt: Prompt,
    ask: Ask,
    principles: PrincipleSet,
    templates: TemplateSet,
    *,
    rounds: int,
    seed: int,
    critique: bool = True,
    replacement: bool = True,
    ask_critic: Ask | None = None,
) -> Transcript:
    """Run one prompt's chain.

    Departure from the paper: the revision that a round begins with is the whole of what the model sees of earlier
    rounds; their critiques are kept in the transcript only.

    Args:
        prompt: The row; its messages end in a user turn.
        ask: Makes one model call.
        principles: Drawn from once a round, by (seed, row, round).
        templates: Turns a principle into the next user turn.
        rounds: K, at least 1.
        seed: The run's seed.
        critique: False skips the critique and asks for the revision directly.
        replacement: Whether one row may draw a principle twice.
        ask_critic: Makes the calls for critiques, where another model writes them (the paper has one model).

    Raises:
        CallError: A call failed for good; the row ends here.
    """
    response = answer = await ask("respond", templates.respond(prompt))
    done: list[Round] = []
    for number in range(1, rounds + 1):
        principle = principles.draw(seed, prompt.id, number, replacement)
        criticism = None
        if critique:
            criticism = await (ask_critic or ask)(
                f"critique-{number}", templates.critique(prompt, answer.text, principle)
            )
        request = templates.revise(prompt, answer.text, principle, criticism.text if criticism else None)
        answer = await ask(f"revise-{number}", request)
        done.append(Round(principle=principle.id, critique=criticism, revision=answer))
    return Transcript(
        id=prompt.id,
        index=prompt.index,
        prompt=prompt.messages,
        metadata=prompt.metadata,
        response=response,
        rounds=tuple(done),
    )
