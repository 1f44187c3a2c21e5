"""Whether a response is in the language of its prompt, as far as scripts and the most frequent words tell."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from constitution.gates.seen import MOST_CHARACTERS, Finding, Seen, plain, short
from constitution.gates.tasks import WANTS_LANGUAGE

# Japanese is told from Chinese by its kana; its Han signs are no sign of Chinese, and so are its sound marks.
_ONE_SCRIPT = {"KATAKANA-HIRAGANA": "HIRAGANA", "KATAKANA": "HIRAGANA", "HALFWIDTH": "HIRAGANA", "FULLWIDTH": "LATIN"}
# A script that so much of the prompt is written in may be in the answer.
_OWN_SCRIPT = 0.2
# Sentences of fewer words tell no language.
_LEAST_WORDS = 5
# Of these, frequent words must be this share (about 0.4 is usual), so many, and more than any other language's.
_LEAST_COMMON = 0.2
_LEAST_HITS = 3
_LEAD = 1.8
# The most frequent words of languages in Latin letters, as far as few others have them.
_COMMON = {
    language: frozenset(words.split())
    for language, words in {
        "English": "the and that your you which with this or any not for from was were are it does has to of is would "
        "what how their they if as by on an be without can i my me do should when who will at have but there about "
        "a we no so out up just like could some he she them us than then get go all more because into him her been don",
        "Spanish": "el la los las de del que y en un una por con para es no se su lo como más pero sus le ya este si "
        "porque esta son entre cuando muy sin sobre también me hasta hay donde quien tu te puede al o",
        "French": "le la les des de du et est en un une que qui dans pour pas ce il sur se plus par je vous ne au avec "
        "son sont mais ou nous cette leur si tout ses être on comme votre aux ces elle peut d l c qu n",
        "German": "der die das und ist nicht ein eine zu den von mit sich auf für dem des im es sie auch als an er wie "
        "bei oder aus nach wird sind einen ich wenn aber dass kann man so zum zur ihr ihre noch nur vor über",
        "Italian": "il lo la i gli le di che è e un una per non in con del della sono si da più come ma anche al nel "
        "questo se alla dei delle ha ti tuo o su mi essere suo può chi cosa degli nella l",
        "Portuguese": "o a os as de do da que e em um uma para com não é se por mais dos das como mas ao no na ele seu "
        "sua ou quando muito nos já também só pelo pela até isso você são está ser nas pode",
        "Dutch": "de het een en van is dat niet in op te zijn met voor die er aan ook als maar om bij ze je dan of uit "
        "naar door wordt kan heb nog over deze wat u hij deel geen worden",
        "Swedish": "och att det som en på är av för med den till inte om ett han men var jag sig från vi så kan när "
        "eller har ska du de i man dig din",
        "Polish": "i w na się nie z do to że o jest jak po co ale czy za od przez dla są tak który może jego już przy "
        "oraz lub być tym ten",
        "Turkish": "ve bir bu için ile da de ne gibi daha çok en olarak var olan değil ama kadar sonra her ki ya veya "
        "ben sen mi ise",
        "Indonesian": "yang dan di untuk dengan tidak ini dari dalam akan pada itu adalah anda juga ke bisa oleh saya "
        "kami atau ada mereka seperti dapat sebagai lebih jika",
    }.items()
}
_KNOWN = {
    word: tuple(language for language, words in _COMMON.items() if word in words)
    for word in sorted(frozenset().union(*_COMMON.values()))
}
_LETTERS = re.compile(r"[^\W\d_]+")
_SENTENCE = re.compile(r"[^.!?。！？\n]+")
# Code and addresses are in no language.
_NO_PROSE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+|[\w.+-]{1,64}@[\w.-]+", re.DOTALL)


def language(seen: Seen) -> Finding | None:
    """The share of the response's words in another script than the prompt's, or in sentences of another language.

    Scripts are Unicode's, a word counting to that of its first letter; the prompt's are those of at least a fifth of
    its last turn. Languages in Latin letters are told by the most frequent words of eleven, in sentences of five words
    or more; where the last turn tells none, the conversation's counts, or the initial response's. Languages that share
    another script (Russian and Bulgarian, Arabic and Persian) are one; a Chinese answer to a Japanese prompt is not
    told. Code and addresses are passed over. Nothing is told where the prompt speaks of languages.
    """
    if WANTS_LANGUAGE.search(seen.question):
        return None
    said = _NO_PROSE.sub(" ", seen.text)
    words = plain(said)
    asked = Counter(map(_script, plain(_NO_PROSE.sub(" ", seen.question))))
    asked.pop("", None)
    if not words or not asked:
        return None
    own = {script for script, number in asked.items() if number >= _OWN_SCRIPT * asked.total()}
    if "HIRAGANA" in own:
        own.add("CJK")
    foreign = [word for word in words if (script := _script(word)) and script not in own]
    share = len(foreign) / len(words)
    told = Finding(share, short(f"another script: {' '.join(foreign[:12])}") if foreign else "")
    return max(told, _other_language(said, seen)) if "LATIN" in own else told


def _other_language(said: str, seen: Seen) -> Finding:
    """The share of the words of longer sentences that stand in sentences of another language in Latin letters."""
    turns = " ".join(message.content for message in seen.prompt)
    expected = next(filter(None, map(_language, map(_letters, (seen.question, turns, seen.initial or "")))), "")
    if not expected:
        return Finding(0.0)
    own, other, passage, which = 0, 0, "", ""
    for sentence in _SENTENCE.findall(said):
        words = _letters(sentence)
        if len(words) < _LEAST_WORDS:
            continue
        found = _language(words)
        # Names and titles within a sentence make no other language of it.
        if found and found != expected:
            other, passage, which = other + len(words), passage or sentence.strip(), which or found
        else:
            own += len(words)
    return Finding(other / (own + other), short(f"{which}: {passage}")) if other else Finding(0.0)


def _letters(text: str) -> list[str]:
    return _LETTERS.findall(text[:MOST_CHARACTERS].casefold())


def _language(words: Sequence[str]) -> str:
    """The language whose frequent words are most of these, by far; empty if none is."""
    if len(words) < _LEAST_WORDS:
        return ""
    hits = Counter(language for word in words for language in _KNOWN.get(word, ()))
    (first, most), (_, second) = [*hits.most_common(2), ("", 0), ("", 0)][:2]
    sure = most >= max(_LEAST_HITS, _LEAST_COMMON * len(words)) and most >= _LEAD * second
    return first if sure else ""


def _script(word: str) -> str:
    """The script of a word's first letter, as Unicode calls it; empty of a number."""
    if word[0].isascii():
        return "LATIN" if word[0].isalpha() else ""
    if not word[0].isalpha():
        return ""
    name = unicodedata.name(word[0], "").split(" ")[0]
    return _ONE_SCRIPT.get(name, name)
