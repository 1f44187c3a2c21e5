"""The SL chain of one prompt: respond, then K times criticise and rewrite (Bai et al. 2022, section 3.1)."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from constitution.principles import Principle, PrincipleSet
from constitution.records import Completion, Message, Prompt, Round, Selection, Transcript
from constitution.tasks import together
from constitution.templating import TemplateSet

# One model call of one row: the step's name and the conversation in, the answer out. The runner binds it to the row,
# its journal and its seeds.
Ask = Callable[[str, Sequence[Message]], Coroutine[Any, Any, Completion]]
# Says which of a round's revisions goes on: the round's number and principle, and the revisions in.
Pick = Callable[[int, Principle, Sequence[Completion]], Coroutine[Any, Any, Selection]]


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
    best_of: int = 1,
    pick: Pick | None = None,
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
        best_of: N, revisions sampled each round, of which one goes on (the paper has one).
        pick: Says which, if there are several.

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
        # The first has the name that it has without others: a fork that asks for more of them finds it.
        names = [f"revise-{number}", *(f"revise-{number}/{other}" for other in range(2, best_of + 1))]
        revisions = await together([ask(name, request) for name in names])
        selection = await pick(number, principle, revisions) if pick else None
        answer = revisions[selection.taken if selection else 0]
        done.append(Round(principle=principle.id, critique=criticism, revision=answer, selection=selection))
    return Transcript(
        id=prompt.id,
        index=prompt.index,
        prompt=prompt.messages,
        metadata=prompt.metadata,
        response=response,
        rounds=tuple(done),
    )
