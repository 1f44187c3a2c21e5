"""Conversations, and what chat templates are given beside them."""

import chat_templates

from constitution.principles import Principle

PRINCIPLE = Principle(id="p", critique_request="-", revision_request="-", comparison="Which one?")
CHAT_TEMPLATES = {name: source for name, source in vars(chat_templates).items() if name.isupper()}
CONVERSATIONS = [
    [("user", " Hi there ")],
    [
        ("system", "Be brief. /no_think"),
        ("user", "Why?"),
        ("assistant", "<think>\nhm\n</think>\n\nSo."),
        ("user", "Ok"),
    ],
    [("user", "One?"), ("assistant", "Yes."), ("user", "{{ 7*7 }}{% raise %}")],
]
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}
