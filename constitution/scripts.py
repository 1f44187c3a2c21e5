"""Whether principles and templates are written in the same script, as far as that tells the language."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from constitution.errors import ConstitutionError
from constitution.principles import load_principles
from constitution.rendering import find_set, read_sources

# Written together.
_CJK = frozenset({"CJK", "HIRAGANA", "KATAKANA", "BOPOMOFO", "HANGUL"})
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def script_of(texts: Iterable[str]) -> str:
    """The script of most letters, as Unicode calls it: `LATIN`, `CJK` (with kana and Hangul); empty without letters."""
    letters = Counter(c for text in texts for c in text if c.isalpha())
    scripts: Counter[str] = Counter()
    for letter, number in letters.items():
        name = unicodedata.name(letter, "").split(" ")[0]
        scripts["CJK" if name in _CJK else name] += number
    return max(scripts, key=lambda script: scripts[script], default="")


def script_warning(principles: str, templates: str) -> str:
    """What to say of a principles file and a template set of two scripts; empty if there is nothing to say.

    Args:
        principles: A shipped name or a file. What is wrong with it is not told here.
        templates: Likewise.
    """
    try:
        loaded = load_principles(principles)
        sources = read_sources(find_set(templates), required=(), optional=("critique.jinja", "revise.jinja"))
    except ConstitutionError:
        return ""
    asked = script_of(
        text for one in loaded.principles for text in (one.critique_request, one.revision_request) if text
    )
    around = script_of(_JINJA.sub("", source) for source in sources.values())
    if not asked or not around or asked == around:
        return ""
    return (
        f"the principles {principles} are written in {_name(asked)}, and the template set {templates} in "
        f"{_name(around)}: the model is asked in both; a set is named with --templates (chat.zh is Chinese)"
    )


def _name(script: str) -> str:
    return {"CJK": "Chinese, Japanese or Korean", "LATIN": "Latin letters"}.get(
        script, f"{script.capitalize()} letters"
    )
