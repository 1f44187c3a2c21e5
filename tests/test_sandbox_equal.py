"""What templates in the sandbox write is what transformers and plain Jinja write."""

from typing import Any

import pytest
from chats import CHAT_TEMPLATES, CONVERSATIONS, PRINCIPLE, TOKENS
from tokenizer_families import FAMILIES
from transformers.utils.chat_template_utils import render_jinja_template

from constitution.engines.chat_text import write_chat
from constitution.judging import load_judge_templates
from constitution.records import Message
from constitution.sandbox import compile_template, render

# What a chat template may use, a template a line.
CONSTRUCTS = r"""
{% for x in [1, 2, 3] if x > 1 %}{{ loop.index }}{{ loop.last }}{{ loop.length }}{{ x }};{% else %}no{% endfor %}
{% for m in tree recursive %}{{ m.n }}{% if m.c %}({{ loop(m.c) }}){% endif %}{% endfor %}
{% for x in range(9) %}{% if x == 2 %}{% continue %}{% elif x > 4 %}{% break %}{% endif %}{{ x }}{% endfor %}
{% for x in tree[0].c|reverse %}{{ loop.changed(x.n) }}{{ loop.cycle('a', 'b') }}{% endfor %}
{% for k, v in {'b': 2, 'a': [1]}.items() %}{{ k ~ v ~ none ~ loop.previtem }}{% endfor %}
{% macro f(n, m='d') %}{% if n %}{{ n ~ m }}{{ varargs }}{{ kwargs }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(2, 3) }}
{% macro g() %}<{{ caller(2) }}>{% endmacro %}{% call(x) g() %}{{ x }}{% endcall %}
{% set n = namespace(a=1, t='') %}{% for i in range(3) %}{% set n.t = n.t + 'x' %}{% endfor %}{{ n.t }}{{ n.a }}
{% block b %}B{% endblock %}{{ self.b() }}{% set x %}a{{ 1 }}{% endset %}{{ x }}{% filter upper %}a{% endfilter %}
{% generation %}{% set x = 5 %}{{ x }}{% endgeneration %}{{ x }}{% with y = 1 %}{{ y }}{% endwith %}
{{ messages|map(attribute='role')|join(', ') }}{{ messages|selectattr('role', 'equalto', 'user')|list|length }}
{{ messages|rejectattr('role', 'eq', 'user')|list }}{% if messages|select %}{{ messages[1:] }}{% endif %}
{{ [3, 1, 2]|sort(reverse=true) }}{{ ['b', 'A']|sort }}{{ [1, 1]|unique|list }}{{ [1, 2]|sum }}{{ [1, 2]|max }}
{{ [{'a': 1}, {'a': 2}]|sum(attribute='a') }}{{ [[1], [2]]|sum(start=[]) }}{{ {'b': 2, 'A': 1}|dictsort }}
{{ [1, 2]|first }}{{ [1, 2]|last }}{{ ''|first }}{{ 'ab'|reverse }}{{ [1, 2]|reverse|list }}{{ 'ab'|list }}
{{ ' a '|trim }}{{ 'xax'|trim('x') }}{{ 'a b'|title }}{{ 'A'|lower }}{{ 'a'|upper }}{{ 'ab'|capitalize }}
{{ 'a-b'|replace('-', '+') }}{{ 'aaa'|replace('a', 'b', 2) }}{{ 'a\nb\n\nc'|indent(2) }}{{ 'x'|center(4) }}|
{{ 'a\nb'|indent('> ', true, true) }}{{ 'one two three'|truncate(7, leeway=0) }}{{ 'a b c'|wordwrap(3) }}
{{ '%s-%5.2f%%'|format('h', 2.5) }}{{ '%(a)s' % {'a': 1} }}{{ '%5d|%-5s|' % (1, 'x') }}{{ '%r' % 'a' }}
{{ '{:>4}{x[n]}{}'.format('h', 1.5, x={'n': 3}) }}{{ '{a!r}'.format_map({'a': 'b'}) }}{{ '{:{w}}|'.format(1, w=4) }}
{{ {'b': 2, 'a': ['<é>', none, true]}|tojson }}{{ [1]|tojson(indent=2) }}{{ 'é"'|tojson(ensure_ascii=true) }}
{{ {'b': 1, 'a': 2}|tojson(separators=(',', ':'), sort_keys=true) }}
{{ {'a': 1}.items()|list }}{{ {'a': 1}|items|list }}
{{ '<' | e }}{{ ('<'|safe) + '<' }}{{ ('<'|e) ~ '<' }}{{ ('a'|e).upper() }}{{ 'a'|e is escaped }}{{ 'x'|string }}
{{ 7 is odd }}{{ 8 is divisibleby 4 }}{{ '3'|int + 1 }}
{{ 'x'|int(5) }}{{ 'ff'|int(0, 16) }}{{ '1.5'|float }}{{ 2.6|round }}
{{ -3|abs }}{{ 2 ** 10 }}{{ 7 // 2 }}{{ 7 % 4 }}{{ 7 / 2 }}{{ 'ab' * 2 }}{{ [1] + [2] }}{{ 2.5 * 2 }}{{ -(1 - 3) }}
{{ nope is defined }}{{ nope }}{{ nope|default('d') }}{{ ''|default('e', true) }}{{ nope is none }}
{{ 'a,b'.split(',') }}{{ 'a b'.split()[-1] }}{{ 'aXbX'.rsplit('X', 1) }}
{{ 'a\nb'.splitlines() }}{{ 'a=b'.partition('=') }}
{{ 'abc'[1:] }}{{ 'abc'[::-1] }}{{ 'a' in 'abc' }}{{ 'q' not in ['q'] }}
{{ 1 < 2 < 3 }}{{ (1, 2) == (1, 2) }}{{ 'b' in {'b': 1} }}
{{ 'abc'.startswith(('a', 'b')) }}{{ 'abc'.endswith('c') }}
{{ 'abc'.find('c') }}{{ 'aa'.count('a') }}{{ ','.join(['a', 'b']) }}
{{ 'abc'.removeprefix('a') }}{{ 'a'.ljust(3) }}|{{ '7'.zfill(3) }}
{{ 'xax'.strip('x') }}{{ 'A'.lower() }}{{ 'a'.isalpha() }}
{{ {'a': 1}.get('b', 2) }}{{ {'a': 1}.keys()|list }}
{{ dict(a=1, **{'b': 2}) }}{{ dict([('a', 1)]) }}{{ [1, 2].index(2) }}
{% set c = cycler('a', 'b') %}{{ c.next() }}{% set j = joiner('-') %}{{ j() }}{{ j() }}{{ 'a b'|wordcount }}
{{ tools is none }}{{ documents }}{{ messages[0]['content'][:5] }}{{ messages[-1].content|length }}{{ bos_token }}
{%- if messages[0] is mapping and messages is not string -%} {{- strftime_now('%Y') -}} {%- endif -%}
{{ raise_exception('no ' + messages[0].role) }}
{% if []|map('upper') %}an iterator is true{% endif %}
""".strip().splitlines()
CONSTRUCTS += ["{% if 1 %}\n  {% set x = 1 %}\n  x\n{% endif %}\n\ty\n\n", "{#- a -#}\n {%- set x = 1 %}\n\n{{ x }}\n"]


def by_library(source: str, messages: list[dict[str, Any]], **values: Any) -> str:
    try:
        texts, _ = render_jinja_template(
            [messages], chat_template=source, add_generation_prompt=True, **TOKENS, **values
        )
    except Exception as bad:
        return type(bad).__name__
    return str(texts[0])


def by_sandbox(source: str, messages: list[dict[str, Any]], **values: Any) -> str:
    given = {**TOKENS, **values, "messages": messages, "tools": None, "documents": None, "add_generation_prompt": True}
    try:
        return render(compile_template(source, chat=True), given)
    except Exception as bad:
        return type(bad).__name__


@pytest.mark.parametrize("source", CONSTRUCTS)
def test_a_chat_template_may_use_what_the_library_gives_it(source: str) -> None:
    messages = [{"role": role, "content": content} for role, content in CONVERSATIONS[1]]
    values = {"tree": [{"n": 1, "c": [{"n": 2, "c": []}, {"n": 3, "c": []}]}]}
    expected = by_library(source, messages, **values)
    assert by_sandbox(source, messages, **values) == expected
    assert expected.endswith("Error") == ("raise_exception" in source)


@pytest.mark.parametrize("turns", CONVERSATIONS)
@pytest.mark.parametrize("name", CHAT_TEMPLATES)
def test_a_familys_chat_template_reads_as_in_the_library(name: str, turns: list[tuple[str, str]]) -> None:
    messages = [{"role": role, "content": content} for role, content in turns]
    assert by_sandbox(CHAT_TEMPLATES[name], messages) == by_library(CHAT_TEMPLATES[name], messages)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_conversation_reads_as_the_tokenizer_would_write_it(name: str) -> None:
    family = FAMILIES[name]()
    source = family.tokenizer.get_chat_template(family.template)
    turns = [
        {"role": "user", "content": " Hi. "},
        {"role": "assistant", "content": "Ho."},
        {"role": "user", "content": "?"},
    ]
    expected = family.tokenizer.apply_chat_template(
        turns, tokenize=False, add_generation_prompt=True, chat_template=source
    )
    assert write_chat(compile_template(source, True), turns, family.tokenizer.special_tokens_map) == expected


@pytest.mark.parametrize("name", ["CHATML", "LLAMA2", "LLAMA3", "DEEPSEEK", "FOLDING"])
def test_rows_of_megabytes_pass(name: str) -> None:
    text = "Many words, and a line's end.\n" * 100_000
    turns = [{"role": role, "content": text} for role in ("user", "assistant", "user", "assistant", "user")]
    assert len(text) == 3_000_000
    assert by_sandbox(CHAT_TEMPLATES[name], turns) == by_library(CHAT_TEMPLATES[name], turns)


def test_a_judge_reads_responses_of_megabytes() -> None:
    text = "A line.\n" * 500_000
    asked = load_judge_templates("chat", 0).compare(
        [Message(role="user", content=text)], text, text, PRINCIPLE, seed=0, row="row"
    )
    assert asked[-1].content.count("  A line.") == 1_500_000
