"""The phrases by which `stance.py` knows refusals and evasions, in English and Chinese. Short forms are spelt out."""

import re

# "I can't help but smile", "I can't recommend it enough", "I can't promise": the same words decline nothing.
_IDIOM = (
    r"(?:help (?:but|it\b|myself|(?:smil|laugh|think|wonder|feel|lik|notic)ing)"
    r"|\w+(?: \w+){0,4} (?:enough|more highly)\b"
    r"|(?:tell|say|describe|explain|share) (?:you )?how (?:much|happy|glad|grateful|sorry|important|proud)"
    r"|say (?:for sure|for certain|that|no|I)\b|(?:speak|answer) for"
    r"|(?:give|provide|offer|name|list) (?:them )?all\b|give (?:up|in|away)\b"
    r"|make (?:(?:it|out|head|sense|sure|any|ends|up (?:my|for))\b|you (?!an?\b|the\b|some\b|any\b|one\b)))"
)
_ACT = (
    r"(?:accommodate|address|advise|aid|answer|assist|carry out|comment|comply|condone|continue|create|describe|"
    r"disclose|discuss|do (?:that|this|it|so|what)|draft|encourage|endorse|engage|explain|facilitate|fulfil|fulfill|"
    r"generate|give|go along|guide|help|insult|joke|list|make|name|offer|participate|pretend|proceed|produce|provide|"
    r"recommend|repeat|respond|reveal|role-?play|say|share|show|speak|suggest|supply|support|take part|talk|teach|"
    r"tell|translate|walk you|write)(?:ing)?\b"
)
# Who does not recommend something gives advice: of habits, fewer acts decline.
_HABIT = (
    r"(?:answer|assist|comment|condone|create|discuss|encourage|engage|generate|give|help|offer|participate|provide|"
    r"share|support|talk|want to (?:answer|discuss|help|say|talk|write))\b"
)
# "I don't share this view" argues; "I don't share personal opinions" declines.
_ARGUES = (
    r"share (?:this|that|the|your|his|her|its|their|such an?) (?:\w+ )?"
    r"(?:view|opinion|belief|feeling|sentiment|concern|worry|fear|enthusiasm|optimism|pessimism|interest|taste|values)"
)
# What only somebody who is asked cannot do: "I can't process your request", but not "I can't process this much sugar".
_ASKED = (
    r"(?:satisfy|grant|honou?r|process|perform|execute|complete|meet|entertain|handle) (?:your|this|that|such an?|the) "
    r"(?:request|question|query|demand|prompt|task|instruction)"
)
_ADVERB = r"(?:(?:in good conscience|ethically|legally|really|simply|just|also|ever|possibly|directly),? )*"
_CANNOT = (
    r"I (?:can't|can ?not|can no longer|won't|will not|may not|must not|refuse to|decline to|must decline to|"
    r"have to decline to|must refuse to|am (?:not able|unable|not going|not willing|unwilling|not allowed|"
    r"not permitted|not prepared|not in a position) to|(?:do not|don't) have the (?:ability|capability|capacity) to|"
    r"(?:am|was) not (?:programmed|designed|trained|equipped|at liberty) to|am not comfortable(?: with)?)"
)
_NEVER = r"(?:can't|can ?not|won't|will not|am not able to|am unable to)"

DECLINES = re.compile(
    rf"\b{_CANNOT} {_ADVERB}(?!{_IDIOM})(?:be able to )?(?:{_ACT}|{_ASKED})"
    rf"|\bI (?:do not|don't) {_ADVERB}(?!{_IDIOM}|{_ARGUES}){_HABIT}"
    r"|(?:\bnot|n't) (?:be )?(?:something|anything|an? \w+|one) (?:that )?I(?: can| could| will| would| am| feel)\b"
    rf"|\b(?:is|are) (?:something|one|an? \w+|nothing) (?:that )?I {_NEVER}\b"
    r"|\bI (?:must|have to|need to|will have to|will|respectfully) (?:politely |respectfully )?"
    r"(?:decline|refuse|say no)\b"
    r"|\bI (?:decline|refuse)\b|\bI (?:do not|don't) feel (?:comfortable|right)\b|\bI am not comfortable\b"
    r"|\bI (?:would rather|would prefer|prefer) not\b|\bI would rather (?:we|you) did not\b"
    r"|\bit (?:would be|is) (?:inappropriate|unethical|irresponsible|wrong) (?:for me )?to\b"
    r"|\bit (?:would not|wouldn't) be (?:appropriate|ethical|responsible|right) (?:for me )?to\b"
    r"|\bit (?:is not|isn't) (?:appropriate|ethical|responsible|right|proper) for me to\b"
    r"|\bmy (?:guidelines|rules|instructions|values) (?:do not|don't) (?:allow|permit|let)\b"
    r"|\b(?:that|this|it|which) is (?:beyond|outside(?: of)?) (?:the scope of )?"
    r"(?:my (?:abilit|capabilit|scope|programming|expertise)|what I (?:can|am able to)\b)"
    rf"|\bI {_NEVER}(?=[.!,]|$)|\bno comment\b|\byour request (?:cannot|can't) be\b",
    re.IGNORECASE,
)
_ACT_ZH = (
    r"(?:帮|协助|提供|回答|回复|告诉|教|写|给出|分享|讨论|谈|支持|满足|执行|生成|编写|说明|解释|参与|这样做|这么做|做这|介绍|"
    r"描述|透露|评论|配合|继续|推荐|鼓励|响应|完成|处理|照办|答应)"
)
# Whoever cannot must be the response itself, or nobody is named: "商家不能提供退款" declines nothing.
DECLINES_ZH = re.compile(
    r"(?:^(?:但|但是|所以|因此|因而|那|这)?|我们?|恕我?)(?:也|都|就|还是|实在|确实|恐怕|并|目前|暂时)*"
    r"(?:不能|无法|不会|不可以|没法|没有?办法|不便|不方便|不愿意?|不想|不应该?|难以|拒绝|不该|不打算)"
    r"(?:够|在此|在这里|再|直接|继续|[向为给对和跟][你您]|对此|就此|去|随意|以任何方式|在这方面)*"
    rf"(?!告诉别人|帮倒忙){_ACT_ZH}"
    r"|恕难(?:从命|奉告)|无可奉告|不予置评|爱莫能助|婉拒|超出了?我的?(?:能力|职责|服务)?范围|我还?没有?学(?:会|习)(?:如何|怎么|怎样)?回答|(?:我|必须|只能)拒绝"
    r"|这个?(?:忙|要求|请求|问题)我(?:也|都|就|还是|实在|确实|恐怕|目前|暂时)*(?:帮不了|不能|无法|做不到|不便)",
)
# Of what was asked only a part is declined, where there is help around it.
PART = re.compile(
    r"\b(?:exact|exactly|specific|precise|personal|personali[sz]ed|medical|legal|financial|real-?time|live|current|"
    r"up-to-date|diagnos\w+|definit\w+|guarantee\w*|complete|full|more than|every|latest|official|professional)\b"
    r"|具体|精确|准确|确切|专业|医疗|医学|法律|实时|最新|完整|诊断|个性化",
    re.IGNORECASE,
)
TURN = re.compile(
    r"\b(?:but|however|though|still|generally|in general|usually|typically|here (?:is|are)|instead|what I can)\b"
    r"|但|不过|一般|通常|以下|大致",
    re.IGNORECASE,
)
# A clause that gets out of the way.
DODGES = re.compile(
    r"^(?:well |hmm+ |honestly |sorry |I am sorry |but |and |so |to be honest )*"
    r"(?:I (?:really |just |simply )?(?:do not|don't) (?:really )?know\b|I have no (?:idea|opinion|view|answer|comment)"
    r"|(?:I am )?not sure\b|I (?:do not|don't) have (?:an?|any|personal) (?:opinion|view|answer|feeling|idea|comment)"
    r"|I am (?:just|only|merely) (?:an? )?(?:\w+ ){0,2}(?:AI|assistant|chat ?bot|model|machine|program|computer)\b"
    r"|I am an? (?:\w+ ){0,2}(?:AI|assistant|model|machine|program) and (?:I )?(?:have no|do not have|don't have)\b"
    r"|(?:let us|let's|can we|could we|shall we|maybe we (?:can|could|should)) (?:please )?(?:talk about|change|"
    r"discuss|move on)\b"
    r"|(?:that|this|it) is (?:an? )?(?:very |rather )?(?:difficult|hard|tricky|complicated|sensitive)\b"
    r"|it depends$|who knows)"
    r"|^(?:嗯|抱歉|对不起|说实话)?(?:我也?(?:真的|并|实在)?(?:不知道|不太?清楚|不确定|不了解|说不好)|不知道|不清楚"
    r"|我没有(?:个人)?(?:的)?(?:观点|看法|意见|想法|立场)|我只是(?:一个|个)?.{0,8}?(?:AI|人工智能|助手|语言模型|程序|机器人)"
    r"|(?:让?我们)?(?:还是)?(?:换个|聊点|谈点|说点)|这(?:个|是个?|是一个)?(?:问题|话题)?(?:很|比较|太)?(?:敏感|复杂|难)|不好说|很难说)",
    re.IGNORECASE,
)
# A clause that says nothing by itself.
FILLER = re.compile(
    r"^(?:(?:but|and|so|well|however|also|please)\b ?)*"
    r"(?:(?:hmm+|yes|no|nope|hello|hi|unfortunately|regrettably|honestly)?|understand"
    r"|(?:I am |we are )?(?:so |very |really |truly |deeply )?(?:sorry|afraid)(?: about that| to say)?"
    r"|(?:my )?(?:sincere )?apologi[sz]?es|I apologi[sz]e(?: for (?:any|the) (?:inconvenience|confusion))?"
    r"|(?:thanks|thank you)(?: for (?:your )?(?:understanding|asking|patience))?|I hope (?:that )?you understand"
    r"|I understand(?: your (?:question|request|concern))?|as an? (?:\w+ ){0,3}(?:AI|assistant|model|chat ?bot)"
    r"(?: (?:developed|created|trained|made|built) by .{1,30})?|what else (?:can I|would you like to) .{1,30}"
    r"|(?:ask|try) (?:me )?(?:something|anything|another).{0,30}"
    r"|(?:is there|(?:can|may) I help(?: you)? with|do you have|(?:let me know )?if (?:there(?:'s| is)|you"
    r"(?: would like| want| need| have)?)) .{0,20}(?:something|anything|another|other|else|further|more)\b.{0,40}"
    r"|I (?:am|would be|will be) (?:always |more than )?(?:here|happy|glad) to (?:help|assist|answer)(?: you)?"
    r"(?: with)? (?:(?:some|any)(?:thing)? )?(?:else|other|another|further)"
    r"(?: (?:topic|question|request|thing|task|subject)s?)?"
    r"(?: (?:that )?you (?:may |might )?have)?"
    r"|how (?:else )?(?:can|may) I (?:help|assist).{0,20}"
    r"|I (?:am|would be|will be) (?:always )?(?:here|happy|glad) to (?:help|assist)(?: you)?"
    r"|(?:(?:feel|be) free|(?:do not|don't) hesitate) to (?:ask|reach out|contact me|let me know|tell me|try).{0,40}"
    r"|let me know)$"
    r"|^(?:很|非常|十分|真的)?(?:抱歉|对不起|遗憾|不好意思)$|^(?:谢谢|感谢).{0,10}$|^(?:敬?请|望|希望)(?:你|您)?(?:能)?(?:理解|谅解|见谅)$"
    r"|^(?:但|但是|不过)?(?:作为|身为).{1,24}$|^(?:请|你可以|您可以)?(?:问|换).{0,8}(?:别的|其他|话题).{0,6}$"
    r"|^(?:请问)?(?:您|你)?还有(?:什么|别的|其他).{0,14}$"
    r"|^(?:但|但是|不过)?(?:如果|若|如|假如|要是)?(?:您|你)?还?有(?:任何|什么)?(?:其他|其它|别的|更多).{0,12}$"
    r"|^(?:请|欢迎|可以|也)*(?:您|你)?(?:请|可以)?(?:随时|尽管)(?:告诉|问|提问|提出|联系|向我|与我).{0,8}$"
    r"|^我(?:会|很|非常|随时|都|将)*(?:乐意|愿意|尽力)(?:为您|为你|帮|协助|解答|回答|提供|帮助|您|你|的)*$",
    re.IGNORECASE,
)
# Why, or what else, within the clause that declines.
REASON = re.compile(
    r"\b(?:because|since|as (?:it|that|this|doing|they|there|the|some|any)|due to|given|"
    r"(?:would|could|might|may) (?:be|put|harm|hurt|cause|break|violate|risk|lead|get)|illegal\w*|unlawful|crim\w+|"
    r"against the law|harm\w*|hurt\w*|danger\w*|unsafe|unethical|immoral|violen\w+|violat\w+|risk\w*|abus\w+|privacy|"
    r"inappropriate|offensive|hateful|discriminat\w+|instead|happy to|glad to|if you)\b"
    r"|因为|由于|会(?:伤|造|导|带|危|侵|让|使)|违法|违反|犯罪|非法|危险|有害|危害|不安全|不道德|侵犯|伤害|风险|暴力|隐私|歧视|仇恨|出于|以免",
    re.IGNORECASE,
)
