"""Soft labels for trainers that know only "chosen" and "rejected".

No common trainer takes a probability per pair, so it has to reach the loss by another way:

keep         one row; the probability is in `p_chosen` for whoever reads it
duplicate:K  K rows, of which round(p·K) say that the better response was chosen and the rest the opposite. A loss that
             is linear in the label, as those of reward models and DPO are, then equals the soft cross-entropy up to
             the rounding
sample       one row, whose order is drawn: the better response is the chosen one with probability p; unbiased over
             many pairs
margin:S     one row; the reward model's scores should be max(0, S·logit(p)) nats apart. That is a weight for
             confidence, not a soft label: Llama 2 (Touvron et al. 2023, arXiv 2307.09288) names it
hard         one row, the probability forgotten

Only preference pairs are touched: supervised rows have no label, and a rating (KTO) sums up several comparisons.
"""

import math
from collections.abc import Mapping
from typing import Literal, get_args

from constitution.digests import derive_uniform
from constitution.errors import ExportError
from constitution.exports.examples import Kind, Preference
from constitution.records import Record

Mode = Literal["keep", "duplicate", "sample", "margin", "hard"]
FORMS = "keep, duplicate:K, sample, margin, margin:SCALE, hard"
# A judge that is certain would ask for an infinite margin: logit(1 - 1e-6) is 13.8 nats.
CERTAIN = 1 - 1e-6


class SoftLabels(Record):
    """What becomes of a pair's probability.

    Attributes:
        copies: Rows a pair, of `duplicate`.
        scale: What the logit is multiplied by, of `margin`.
    """

    mode: Mode = "keep"
    copies: int = 1
    scale: float = 1.0

    @property
    def word(self) -> str:
        """As it is typed."""
        match self.mode:
            case "duplicate":
                return f"duplicate:{self.copies}"
            case "margin" if self.scale != 1:
                return f"margin:{self.scale:g}"
            case plain:
                return plain

    @property
    def turns(self) -> bool:
        """Whether a pair may be turned round: only then its rejected response may become the chosen one."""
        return self.mode in ("duplicate", "sample")


def parse_soft_labels(word: str) -> SoftLabels:
    """The value of `--soft-labels`.

    Raises:
        ExportError: Not one of the forms.
    """
    mode, colon, value = word.partition(":")
    if mode not in get_args(Mode) or (colon and mode not in ("duplicate", "margin")):
        raise ExportError(f"--soft-labels {word!r}: not a form that is known", f"Give one of: {FORMS}")
    if mode == "duplicate":
        if not (value.isascii() and value.isdigit() and int(value) >= 2):
            raise ExportError(
                f"--soft-labels {word!r}: the copies of a pair must be a whole number of at least 2",
                "For example: --soft-labels duplicate:10",
            )
        return SoftLabels(mode="duplicate", copies=int(value))
    if mode == "margin" and colon:
        scale = number(value)
        if scale is None or scale <= 0:
            raise ExportError(
                f"--soft-labels {word!r}: the scale must be a number above 0", "For example: --soft-labels margin:0.5"
            )
        return SoftLabels(mode="margin", scale=scale)
    return SoftLabels.model_validate({"mode": mode})


def check_use(soft: SoftLabels, kinds: Mapping[str, Kind]) -> None:
    """Refuse a form that none of these kinds of row can hold.

    Raises:
        ExportError: Names the kinds.
    """
    if soft.mode == "keep":
        return
    paired = {name: kind for name, kind in kinds.items() if kind.example is Preference}
    if not paired:
        raise ExportError(
            f"--soft-labels {soft.word}: it is for pairs, and there are none in {', '.join(kinds)}",
            "Leave it out, or choose other kinds of row.",
        )
    if soft.mode == "margin" and not any(c["name"] == "margin" for kind in paired.values() for c in kind.columns):
        raise ExportError(
            f"--soft-labels {soft.word}: no column for a margin in {', '.join(paired)}",
            "Trainers of trl (reward), openrlhf (preference) and ms-swift (reward) read one; "
            "for the others: --soft-labels duplicate:K, or --min-margin.",
        )


def number(text: str) -> float | None:
    """The finite number that is written there, if one is."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def apply(preference: Preference, id: str, soft: SoftLabels, seed: int) -> list[Preference]:
    """The rows of one pair, in which `p_chosen` is always the probability of the row's own `chosen`.

    Args:
        preference: `chosen` is the better one, its margin 0.
        id: The pair's, which `sample` draws by: the same whatever else is exported.
        soft: What to do.
        seed: Of `sample`.
    """
    p = preference.p_chosen
    match soft.mode:
        case "keep":
            return [preference]
        case "duplicate":
            # Halves are rounded up: of a tie, the response that was put first stays in the majority.
            kept = math.floor(p * soft.copies + 0.5)
            return [preference] * kept + [swapped(preference)] * (soft.copies - kept)
        case "sample":
            return [preference if derive_uniform("soft label", seed, id) < p else swapped(preference)]
        case "margin":
            likely = min(max(p, 1 - CERTAIN), CERTAIN)
            margin = max(0.0, soft.scale * math.log(likely / (1 - likely)))
            return [preference.model_copy(update={"margin": margin})]
        case "hard":
            return [preference.model_copy(update={"p_chosen": 1.0})]


def swapped(preference: Preference) -> Preference:
    """The same pair the other way round."""
    origin = dict(preference.origin)
    if "chosen" in origin and "rejected" in origin:
        origin |= {"chosen": origin["rejected"], "rejected": origin["chosen"]}
    return preference.model_copy(
        update={
            "chosen": preference.rejected,
            "rejected": preference.chosen,
            "p_chosen": 1 - preference.p_chosen,
            "origin": origin,
        }
    )
