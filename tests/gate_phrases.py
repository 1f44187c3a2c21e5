"""What models say around a revision when something went wrong, for the planted faults; English and Chinese."""

from dataclasses import dataclass

Both = tuple[list[str], list[str]]


@dataclass(frozen=True)
class Phrases:
    """Of one half; each but the last ones in English and in Chinese."""

    openings: Both
    closings: Both
    preambles: Both
    remarks: Both
    markers: Both
    judgements: Both
    stock: str
    short: Both
    evasions: Both
    foreign: list[str]


TUNED = Phrases(
    openings=(
        [
            "Thanks for asking before doing anything.",
            "That sounds hard.",
            "Good question.",
            "Let us take a step back.",
            "Here are a few things that do help:",
            "Short answer: no. Longer answer:",
            "I understand, and my answer is no.",
        ],
        ["谢谢你先来问。", "这听起来不容易。", "先别着急。"],
    ),
    closings=(
        [
            "If you tell me more, I can be more specific.",
            "Take care of yourself.",
            "Would you like a list of places that help?",
            "I hope that helps a little.",
        ],
        ["你愿意多说一点吗?", "照顾好自己。", "希望这对你有帮助。"],
    ),
    preambles=(
        [
            "Sure, here is the revised response:",
            "Here's a revised version of my answer that is less harmful:",
            "Certainly! Below is a rewritten response:",
            "Revised response:",
            "I have rewritten the response to remove the harmful advice.",
            "Of course. Here is an improved answer:",
            "**Revised answer:**",
            "Okay, here is my revision:",
            "Here is the response, rewritten to be more respectful:",
            "You're right, I apologize. Here is a better response:",
            "The revised response could be:",
        ],
        [
            "好的,以下是修改后的回复:",
            "当然,下面是改写后的回答:",
            "修改后的回答:",
            "这是我重新改写的版本:",
            "以下为修订版回复:",
        ],
    ),
    remarks=(
        [
            "I hope this revised version is better.",
            "Note: I removed the harmful suggestions from the original text.",
            "This revised response avoids encouraging anything illegal.",
        ],
        ["我已经删除了有害的部分。", "希望修改后的版本符合要求。"],
    ),
    markers=(
        [
            "{revision}\n\nHuman: {prompt}\n\nAssistant: Sure.",
            "Assistant: {revision}",
            "{revision}<|im_end|>",
            "{revision}\n\nCritique Request: {critique}",
            "Revision: {revision}",
            "<|assistant|>\n{revision}",
            "{revision}\n### Response:\n{revision}",
            "{revision} [/INST]",
            "User: {prompt}\nAI: {revision}",
        ],
        [
            "人类:{prompt}\n助手:{revision}",
            "{revision}\n\n修改请求:{critique}",
            "回复:{revision}",
            "{revision}<|im_end|>",
        ],
    ),
    judgements=(
        [
            "The assistant's last response is harmful because it gives instructions.",
            "My previous response was inappropriate.",
            "The response encourages illegal behaviour.",
        ],
        ["助手的上一个回复是有害的。", "这个回答鼓励了违法行为。"],
    ),
    stock=(
        "I'm sorry, but as a responsible assistant I am not able to provide guidance about matters of this kind, and "
        "I would encourage you to consult a qualified professional in your area who can look at your situation."
    ),
    short=(["No.", "Please don't.", "That is wrong.", "I see."], ["不行。", "请不要这样。"]),
    evasions=(
        [
            "I'm sorry, but I can't assist with that request.",
            "I can't help with that.",
            "I'd rather not talk about that.",
            "As an AI language model, I cannot answer this question.",
            "Sorry, I can't discuss this topic. Is there something else I can help you with?",
            "I am unable to provide that.",
        ],
        ["抱歉,我不能回答这个问题。", "对不起,我无法提供帮助。", "我不知道。"],
    ),
    foreign=[
        "Lo siento, pero no puedo ayudarte con eso porque es peligroso para ti y para los demás. Es mejor que hables "
        "con una persona de confianza sobre lo que te pasa.",
        "Je suis désolé, mais je ne peux pas vous aider avec cela, car c'est dangereux pour vous et pour les autres. "
        "Il vaut mieux en parler avec une personne de confiance.",
        "Извините, но я не могу помочь с этим, потому что это опасно для вас и для других. Лучше поговорите с близким "
        "человеком о том, что произошло.",
    ],
)

HELD_OUT = Phrases(
    openings=(
        [
            "I can hear how fed up you are.",
            "Fair question.",
            "Before anything else, breathe.",
            "Happy to help with this.",
        ],
        ["我能理解你的心情。", "问得好。", "我们一步一步来。"],
    ),
    closings=(
        [
            "What have you tried so far?",
            "Tell me how it goes, if you like.",
            "You are not alone with this.",
            "There is usually more than one way.",
        ],
        ["你觉得哪一种更适合你?", "慢慢来,不着急。", "需要的话我们接着聊。"],
    ),
    preambles=(
        [
            "Absolutely! Here's the rewritten answer:",
            "Here is my updated response, without the dangerous parts:",
            "Rewritten response:",
            "Below is the revised reply you asked for.",
            "Sure thing! A revised version might look like this:",
            "I've revised my answer so that it no longer encourages a crime.",
            "Thank you for the feedback. Here is a safer reply:",
            "Final revised answer:",
            "Let me rewrite that response:",
            "My revised response is as follows:",
            "As requested, here is a rephrased version:",
        ],
        [
            "没问题,这里是修改过的回答:",
            "以下是我根据意见调整后的回复:",
            "改写版本:",
            "好的,我重新写一遍:",
            "修订后的回复如下:",
        ],
    ),
    remarks=(
        [
            "I have toned down the language and taken out the instructions in the original answer.",
            "(The rewrite keeps the tone friendly and leaves out anything illegal.)",
            "Let me know if you would like any further changes.",
        ],
        ["以上是改写后的版本。", "我去掉了原来回答里不合适的说法。"],
    ),
    markers=(
        [
            "{revision}\nHuman: {prompt}",
            "AI Assistant: {revision}\nUser: {prompt}",
            "{revision}<|eot_id|><|start_header_id|>user<|end_header_id|>",
            "**Revision:** {revision}",
            "{revision}\n\nRevision Request: Please make it kinder.",
            "{revision}</s>",
            "<start_of_turn>model\n{revision}",
            "{revision} Human: {prompt}",
            "Critique: {critique}\n\nRevision: {revision}",
        ],
        [
            "{revision}\n\n人类:{prompt}",
            "助手:{revision}",
            "批评:{critique}\n修改:{revision}",
            "{revision}<|endoftext|>",
        ],
    ),
    judgements=(
        [
            "The previous answer was unethical, since it put somebody in danger.",
            "The AI's response should have refused and offered help.",
            "This reply is insensitive and could be improved.",
        ],
        ["上一条回复缺乏同情心。", "原来的回答教人做坏事,这是不对的。"],
    ),
    stock=(
        "Unfortunately this is a topic that I have to approach with great caution, which is why I can only suggest "
        "that you think carefully about the consequences for yourself and for everybody else who might be affected."
    ),
    short=(["Don't.", "Never mind.", "Not a good idea.", "Hm."], ["别这样。", "算了吧。"]),
    evasions=(
        [
            "I'm afraid I can't help you with this.",
            "Sorry, that's not something I can discuss.",
            "I am not able to answer that question.",
            "I'm just an AI. Let's talk about something else.",
            "I don't feel comfortable talking about this.",
            "Unfortunately, I cannot fulfill this request.",
        ],
        ["很抱歉,这个问题我无法回答。", "我们换个话题吧。", "不好意思,我帮不了你。"],
    ),
    foreign=[
        "Es tut mir leid, aber dabei kann ich nicht helfen, weil es für dich und für andere gefährlich ist. Sprich "
        "lieber mit einem Menschen, dem du vertraust, über das, was passiert ist.",
        "Mi dispiace, ma non posso aiutarti con questo perché è pericoloso per te e per gli altri. È meglio parlare "
        "con una persona di fiducia di quello che è successo.",
        "申し訳ありませんが、それはあなたにも周りの人にも危険なので、お手伝いできません。信頼できる人に、何があったのかを話してみてください。",
    ],
)
