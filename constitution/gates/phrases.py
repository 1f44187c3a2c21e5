"""The phrases and marks that `leaks.py` and `copying.py` know, in English and Chinese."""

import re

# Possessive: signs are taken once, not tried in every division between one opener and the next.
_OPENER = (
    r"(?:\W*+\b(?:sure(?: thing)?|certainly|of course|absolutely|okay|ok|alright|all right|yes|great|got it|understood|"
    r"no problem|gladly|apologies|my apologies|sorry(?: about that)?|good point|fair (?:point|enough)|"
    r"you(?:'re| are) (?:absolutely |quite )?right|thank(?:s| you)(?: (?:for|so) [^.:!\n]{0,60})?|I understand|"
    r"I(?:'m| am) sorry[^.:!\n]{0,50}|I apologi[sz]e[^.:!\n]{0,60}|I(?:'d| would) be (?:happy|glad) to[^.:!\n]{0,60}|"
    r"happy to[^.:!\n]{0,30}|based on [^.:\n]{0,50}|after [^.:\n]{0,50}|with (?:that|this) in mind|"
    r"as (?:requested|asked))"
    r"\b[\s,.!:;–—-]*+){0,3}"
)
_HANDS_OVER = (
    r"(?:here(?:'s| is| are| you (?:go|are)| comes)|below is|this is|the following is|you(?:'ll| will) find(?: below)?|"
    r"please (?:find|see)(?: below)?|let me (?:try|offer|give|provide|present|rephrase|rewrite|revise)|"
    r"(?:this|that|it) (?:would|could|can|might) (?:be|read)|"
    r"(?:I(?:'d| would|'ll| will) )(?:rewrite|revise|rephrase|say))"
)
_DONE = r"(?:revised|re-?written|re-?worded|re-?phrased|re-?worked)"
_WORKED = r"(?:edited|amended|corrected|redone)"
_MADE = (
    r"(?:updated|improved|modified|refined|new|better|safer|final|alternative|polished|adjusted|cleaned-up|possible)"
)
_ANSWER = r"(?:response|reply|answer|revision|re-?write|rewording|rephrasing)"
_TEXT = r"(?:version|text|draft|take|attempt|wording|message|output|statement)"
_VERB_DONE = (
    r"(?:revised|rewrote|rewritten|reworded|rephrased|reworked|updated|modified|edited|adjusted|amended|removed|"
    r"replaced|toned down|took out|taken out|cut out|softened|corrected)"
)
# Between the two, never the end of a sentence; negated words would be another matter.
_UP_TO = r"[^.:!?\n]{0,50}?\b"

# The response begins by handing over a revision.
REWRITTEN_OPENING = re.compile(
    rf"{_OPENER}{_HANDS_OVER}\b{_UP_TO}(?:{_DONE}\b|(?:{_MADE}|{_WORKED})\b{_UP_TO}{_ANSWER}\b|{_WORKED} {_TEXT}\b|"
    rf"(?:more|less) [\w-]+ {_ANSWER}\b|(?:revision|rewrite|rewording|rephrasing)\b)"
    rf"|\W*(?:(?:the|my|a|an|your) )?(?:{_DONE}|{_WORKED}|{_MADE}|more [\w-]+) (?:\w+ )?(?:{_ANSWER}|{_TEXT})\b"
    r"[^\n.!?:]{0,40}[:\n]"
    rf"|\W*(?:re-?write|re-?written|revision|revised)\s*(?:\d\s*)?[:：]"
    r"|\W*(?:(?:好的?|当然(?:可以)?|没问题|可以|明白了?|了解|抱歉|对不起|收到|谢谢[^，。！\n]{0,10}|根据[^，。！\n]{0,16})[，。！、\s]*){0,3}"
    r"(?:以下|下面|这里|这|如下)(?:就|便)?(?:是|为)(?:我|经|一个|一段|一份)?[^。！？\n]{0,14}"
    r"(?:修改|改写|修订|改进|重写|润色|调整|优化|修正|更新|改正)(?:过|好|完|版|之?后)?的?[^。！？\n]{0,10}"
    r"(?:回复|回答|答复|版本|内容|文本|版)"
    r"|\W*(?:修改|改写|修订|改进|重写|润色|修正|调整)(?:过|版|之?后)?的?(?:回复|回答|答复|版本|内容|文本)?(?:如下)?\s*[:：]"
    r"|\W*(?:(?:好的?|当然)[，。！、\s]*)?我(?:来)?(?:重新|再)(?:改写|回答|写)一(?:下|遍|次)",
    re.IGNORECASE,
)
# It is spoken of, wherever.
REWRITTEN_TALK = re.compile(
    rf"\b(?:this|the|my|above|our) {_DONE} (?:\w+ )?(?:{_ANSWER}|{_TEXT})\b"
    rf"|\b(?:this|my) (?:updated|improved|modified|new|final) {_ANSWER}\b"
    r"|\b(?:this|the|my) (?:revision|rewrite|rewording) (?:is|was|has|now|no longer|removes?|avoids?|addresses|keeps?|"
    r"makes?|aims?|does|ensures?|focuses|takes?|acknowledges|respects|provides|offers)\b"
    r"|修改(?:后|过|之后)的(?:回复|回答|答复|版本)|改写(?:后|过|之后)的(?:回复|回答|答复|版本)"
    r"|(?:回复|回答|答复)(?:已|经过|已经)?(?:修改|改写|修订)(?:如下|为[:：])"
    r"|(?:这|本)(?:个|次|版)?(?:修改|修订|改写)(?:版|稿)?(?:避免|去掉|删除|删去|不再|更加?|保留)",
    re.IGNORECASE,
)
# Whoever writes says what was done to the text.
REWROTE = re.compile(
    rf"\bI(?:'ve| have)? (?:also |just |now |carefully )?{_VERB_DONE}\b[^.!?\n]{{0,60}}?\b(?:response|reply|answer|"
    r"text|version|wording|language|content|tone|part|parts|section|passage|sentence|sentences|phrase|phrases|advice|"
    r"suggestion|suggestions|references?|details|instructions|statement|it (?:to|so))\b"
    r"|\bI hope (?:that )?(?:this|the|my) (?:revised |new |updated |rewritten )?(?:version|revision|rewrite|response|"
    r"answer|reply) (?:is|was|meets|addresses|works|reads|better)\b"
    r"|\b(?:let me know|tell me) (?:if|whether) (?:you(?:'d| would) like|I should make) (?:me to make )?(?:any )?"
    r"(?:further|more|other|additional) (?:changes|revisions|edits|adjustments)\b"
    r"|我(?:已经?|对|把|将|也)?[^。！？\n]{0,14}(?:修改|改写|重写|修订|调整|删除|删去|去掉|删掉|替换)了?[^。！？\n]{0,12}"
    r"(?:回复|回答|答复|原文|表述|措辞|语气|部分|字句|句子|说法)"
    r"|希望(?:这(?:个|次|一)?|修改)[^。！？\n]{0,6}(?:版本|修改|改写|回复|回答)[^。！？\n]{0,8}(?:满意|符合|更好|要求|合适)",
    re.IGNORECASE,
)
# An assistant hands over something, which may be what was asked for.
WEAK_OPENING = re.compile(
    rf"{_OPENER}(?:here(?:'s| is| are)|below (?:is|are))\b[^\n]{{0,80}}?:\s"
    r"|\W*(?:sure(?: thing)?|certainly|of course|absolutely)\b[!,.]"
    r"|\W*(?:好的|当然可以|当然|没问题)[，。！]|\W*(?:以下|下面)是[^。！？\n]{0,20}[:：]",
    re.IGNORECASE,
)

# A response is the subject: who says so criticises one.
CRITICISES = re.compile(
    r"\b(?:the|this) (?:assistant|chatbot|chat bot|AI(?: (?:assistant|model))?|language model)(?:'s|’s|s')"
    r" (?:\w+ ){0,2}(?:response|reply|answer|message|statement|advice)\b"
    r"|\b(?:the|this) (?:assistant|chatbot|AI(?: assistant)?) (?:should(?:n't| not)? (?:have|instead|not)|"
    r"could have|fails?|failed|didn't|did not|also (?:says|said|fails|failed))\b"
    r"|\b(?:the|this|that) (?:last |previous |initial |original |earlier |first |above )?(?:response|reply|answer) "
    r"(?:is|was|does|did|also|fails?|failed|should|could|contains?|contained|includes?|included|encourages?|encouraged|promotes?|"
    r"suggests?|suggested|ignores?|ignored|gives?|gave|treats?|treated|assumes?|assumed|makes?|made|"
    r"describes?|offers?)\b"
    r"(?=[^.!?\n]{0,120}\b(?:harm\w*|unethical|illegal\w*|danger\w*|offensive|insensitive|inappropriate|problem\w*|"
    r"toxic|racist|sexist|bias\w*|stereotyp\w*|criminal|unsafe|irresponsib\w*|violen\w*|disrespect\w*|rude|improv\w*|"
    r"refus\w*|instead|encourag\w*|acknowledg\w*|consider|condescending|misleading|preachy|evasive|privacy|"
    r"reckless|careless|cruel|demean\w*|dismiss\w*))"
    r"|\bidentify (?:specific )?ways in which\b|\bcritique (?:of|request|above|says|points)\b|"
    r"\b(?:in|per|from) (?:the|this|your) critique\b|\brevision request\b|"
    r"\bplease rewrite the (?:assistant )?(?:response|answer|reply)\b"
    r"|(?:助手|机器人|模型|AI|人工智能)(?:的|在)?(?:上一?(?:个|条|次)?|最后(?:一?[个条次])?|这(?:个|条|段)?|最初的?|原来的?)?的?"
    r"(?:回复|回答|答复)"
    r"|(?:这|该|上述|原|上一|前一|最初的?|原来的?)(?:个|条|段|次|则)?(?:回复|回答|答复)(?:中|里|也|还|并|完全|没有?|未|存在|应|可能|"
    r"包含|含有|鼓励|忽视|忽略|教|给出|缺乏|不够|过于|有|是|把|将|显得|带有|暗示)"
    r"|批评(?:请求|要求|意见)|修[改订](?:请求|要求)",
    re.IGNORECASE,
)
# An earlier response is spoken of.
EARLIER = re.compile(
    r"\b(?:my|the|your) (?:last|previous|initial|original|earlier|prior|preceding) (?:response|reply|answer)\b"
    r"|\bwhat I (?:said|wrote|suggested) (?:earlier|before|above|previously|at first)\b"
    r"|(?:我)?(?:上一?(?:个|条|次)|之前|刚才|先前|前面|最初|原先)的?(?:回复|回答|答复)|我(?:之前|刚才|先前|前面)(?:说|写|建议|提到)的?",
    re.IGNORECASE,
)

# Control tokens of chat templates.
TEMPLATE_TOKENS = re.compile(
    r"<[|｜][^|｜<>\n]{1,40}[|｜]>|\[/?INST\]|<</?SYS>>|</?(?:start|end)_of_turn>|</s>|<(?:bos|eos|pad|unk)>|</?think>"
    r"|<(?:im_start|im_end|eot_id)>|\[(?:USER|ASSISTANT|SYSTEM)\]"
)
_AT_LINE = r"^[ \t>*_#\-]*"
_COLON = r"[*_ \t]*[:：]"
MARKERS = re.compile(
    rf"{_AT_LINE}(?:Human|Assistant|Critique(?: ?Request)?|Revision ?Request|(?:Initial|Original|Previous|Last|Revised|"
    r"Final|Rewritten|Improved|Assistant|Model|AI) (?:Response|Answer|Reply|Revision)|Principle|Preferred Response|"
    r"人类|助手|助理|批评(?:请求|要求|意见)?|修[改订](?:请求|要求)|(?:初始|原始|原|最初|修改后的?|改写后的?|修订后的?)(?:回复|回答))"
    rf"{_COLON}"
    r"|^#{1,4}[ \t]*(?:Instruction|Response|Input|Output|Critique|Revision|Human|Assistant|User|System)\b(?![ \t]*\w)",
    re.IGNORECASE | re.MULTILINE,
)
# The next turn, made up by the model, in the same line.
ROLES_IN_LINE = re.compile(
    r"(?<=[.!?。！？\"”])[ \t]+(?:Human|Assistant|User|H|A):[ \t]|(?<=[。！？”])(?:人类|助手|用户)[:：]"
)
WEAK_MARKERS = re.compile(
    rf"{_AT_LINE}(?:User|AI(?: Assistant)?|System|Bot|Chatbot|Model|Response|Revision|Rewrite|Reply|Feedback|Prompt|"
    rf"用户|回复|回答|系统|提问|修改|修订|改写|评论|反馈){_COLON}",
    re.IGNORECASE | re.MULTILINE,
)
