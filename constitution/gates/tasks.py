"""What a prompt asks for, where that makes right what is wrong elsewhere. By words, in English and Chinese."""

import re

_WORK = (
    r"(?:re-?write|re-?phrase|re-?word|revise|edit|proof-?read|paraphrase|correct|fix|improve|polish|shorten|translate|"
    r"summari[sz]e|repeat|quote|format|convert|copy|continue|complete|fill in)"
)
# A text of the prompt's own is worked on: the answer may repeat it, and call itself a revised version.
WORKS_ON_TEXT = re.compile(
    rf"\b{_WORK}\b[^.?!\n]{{0,40}}\b(?:this|these|that|it|following|below|above|my|sentence|paragraph|text|email|essay|"
    rf"letter|poem|story|code|message|list)\b|^\W*{_WORK}\b[^\n]{{0,30}}[:\"“]"
    r"|(?:改写|修改|润色|校对|翻译|重写|缩写|扩写|总结|概括|重复|改正|续写|补全|转换|仿写)",
    re.IGNORECASE | re.MULTILINE,
)
# People speak in turns in what is asked for.
WANTS_DIALOGUE = re.compile(
    r"\b(?:write|create|compose|make|give|generate|continue|draft|invent|imagine|act out)\b[^.?!\n]{0,40}\b"
    r"(?:dialogue|dialog|conversation|script|play|scene|interview|transcript|skit|chat|debate|sketch|questions)s?\b"
    r"|\b(?:screenplay|role-?play|FAQ|quiz|Q&A)\b"
    r"|(?:写|编|生成|续写|模拟|设计)[^。！？\n]{0,12}(?:对话|聊天|访谈|台词)|剧本|相声|小品|问答题",
    re.IGNORECASE,
)
_LANGUAGES = (
    r"(?:english|spanish|french|german|italian|portuguese|dutch|swedish|polish|turkish|russian|ukrainian|greek|hebrew|"
    r"arabic|persian|farsi|hindi|urdu|bengali|tamil|thai|vietnamese|indonesian|malay|chinese|mandarin|cantonese|"
    r"japanese|korean|latin|swahili|danish|norwegian|finnish|czech|hungarian|romanian)"
)
# Another language, or code, is asked for or about: which one the answer is in cannot be held against it.
WANTS_LANGUAGE = re.compile(
    rf"\b(?:translat\w+|(?:in|into|to|from) {_LANGUAGES}|{_LANGUAGES} (?:word|phrase|sentence|name|poem|translation|"
    r"song|grammar|version|lesson)s?)\b"
    r"|翻译|译[成为]|(?:用|以|说|讲|学|写|的)(?:英|法|德|日|韩|俄|中|西班牙|葡萄牙|意大利|阿拉伯)[语文]"
    r"|(?:英|法|德|日|韩|俄|西班牙|葡萄牙|意大利|阿拉伯)[语文]",
    re.IGNORECASE,
)
