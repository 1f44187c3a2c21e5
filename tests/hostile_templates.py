"""Templates that try to get out of a sandbox, or never to end. Run as a program, it renders the latter and measures.

Each way out works in Jinja without a sandbox, on the values in `VALUES`.
"""

import json
import sys
import time
from pathlib import Path

from constitution.sandbox import compile_template, render, words_of

VALUES = {"messages": [{"role": "user", "content": "Hello {0.__class__}, {{ 7*7 }}"}], "word": "{0.__class__}"}

ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ messages['__class__'] }}",
    "{{ (messages|attr('__class__')).__mro__ }}",
    "{{ ['__class__']|map('string')|first and messages|map(attribute='__class__')|list }}",
    "{{ messages|selectattr('__class__')|list }}",
    "{{ [messages]|join(attribute='__class__') }}",
    "{{ messages|groupby('__class__') }}",
    "{{ messages.append.__self__ }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{{ '{a.__class__}'.format_map({'a': 1}) }}",
    "{{ '{a.__class__}'.format(a=1) }}",
    "{{ word.format(1) }}",
    "{{ ('{0.__class__}'|attr('format'))(1) }}",
    "{{ ['{0.__class__}']|map('attr', 'format')|list }}",
    "{% set f = '{0.__class__}'.format %}{{ f(1) }}",
    "{% set n = namespace(f='{0.__class__}'.format) %}{{ n.f(1) }}",
    "{% macro m(f) %}{{ f(1) }}{% endmacro %}{{ m('{0.__class__}'.format) }}",
    "{% for f in ['{0.__class__}'.format] %}{{ f(1) }}{% endfor %}",
    "{% macro m() %}{{ caller('{0.__class__}'.format) }}{% endmacro %}{% call(f) m() %}{{ f(1) }}{% endcall %}",
    "{% set n = namespace(f='{0.__class__}') %}{{ (n|attr('f')|attr('format'))(1) }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ cycler('a').__init__.__globals__ }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ namespace()['__class__'] }}",
    "{% set n = namespace() %}{% set n.__class__ = 1 %}{{ n }}",
    "{{ lipsum.__globals__ }}",
    "{{ lipsum.func_globals }}{{ lipsum.__code__ }}",
    "{{ range.__class__ }}",
    "{{ dict.mro() }}",
    "{{ dict.__base__ }}",
    "{{ self.__init__ }}",
    "{{ self._TemplateReference__context }}",
    "{% macro m() %}{% endmacro %}{{ m.__call__.__globals__ }}",
    "{% macro m() %}{% endmacro %}{{ m._environment }}",
    "{% macro m() %}{% endmacro %}{{ m._func.__globals__ }}",
    "{{ (messages|map('string')).gi_frame.f_globals }}",
    "{{ (messages|select).gi_code }}",
    "{% for x in messages %}{{ loop._iterable }}{{ loop.__init__.__globals__ }}{% endfor %}",
    "{{ nothing._undefined_exception }}",
    "{{ ('a'|escape).__html__.__globals__ }}",
    "{{ messages.append(1) }}",
    "{{ messages[0].update(a=1) }}",
    "{% autoescape true %}{{ word }}{% endautoescape %}",
    "{{ ''.encode() }}",
    "{{ messages|pprint }}",
    "{{ messages|random }}",
]

TAGS = ["{% include 'a' %}", "{% import 'a' as a %}", "{% from 'a' import b %}", "{% extends 'a' %}"]

DOUBLING = "{%% set n = namespace(t=%s) %%}{%% for i in range(99) %%}{%% set n.t = %s %%}{%% endfor %%}%s"

BOMBS = {
    "loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}x" + "{% endfor %}" * 3,
    "loops that write nothing": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "a long body": "{% for a in range(99999) %}" + "{% set z = messages[0].role %}" * 2000 + "{% endfor %}",
    "text in a set block": "{% set x %}{% for a in range(99999) %}" + "y" * 100000 + "{% endfor %}{% endset %}",
    "a recursive loop": "{% for x in [1] recursive %}{{ loop([1, 1]) }}{% endfor %}",
    "text in a recursive loop": "{% set x %}{% for a in [-1] recursive %}"
    + "y" * 99999
    + "{% if a < 0 %}{{ loop(range(99999)) }}{% endif %}{% endfor %}{% endset %}",
    "a macro with a long body": "{% macro f() %}"
    + "{% set z = messages[0].role %}" * 2000
    + "{% endmacro %}{% for i in range(99999) %}{{ f() }}{% endfor %}",
    "a macro": "{% macro f(n) %}{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(100) }}",
    "a macro with text": "{% macro f(n) %}" + "s" * 50000 + "{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}"
    "{% endmacro %}{{ f(60) }}",
    "a macro without end": "{% macro f(n) %}{{ f(n+1) }}{% endmacro %}{{ f(0) }}",
    "a block": "{% block b %}{{ self.b() }}{{ self.b() }}{% endblock %}",
    "nested calls": "{% macro m() %}{{ caller() }}{{ caller() }}{% endmacro %}"
    + "{% call m() %}" * 40
    + "x" * 999
    + "{% endcall %}" * 40,
    "caught values": "{% macro f(n) %}{% if n < 60 %}{{ f(n+1, varargs, varargs) }}{% else %}{{ varargs }}{% endif %}"
    "{% endmacro %}{{ f(0, 1) }}",
    "a product": "{{ 'a' * 10**9 }}",
    "a product of a list": "{{ [0] * 10**9 }}",
    "lists of lists": "{% set x = [0] * 1000 %}{% set y = [x] * 1000 %}{{ [y] * 1000 }}",
    "a power": "{{ 10**(10**8) }}",
    "a power of powers": "{{ (10**4000)**4000 }}",
    "doubling +": DOUBLING % ("'a'", "n.t + n.t", "{{ n.t }}"),
    "doubling ~": DOUBLING % ("'a'", "n.t ~ n.t", "{{ n.t }}"),
    "doubling join": DOUBLING % ("'a'", "[n.t, n.t]|join", "{{ n.t }}"),
    "doubling lists": DOUBLING % ("[1]", "[n.t, n.t]", "{{ n.t }}"),
    "doubling lists by +": DOUBLING % ("[1]", "n.t + n.t", "{{ n.t }}"),
    "doubling dicts": DOUBLING % ("1", "{'a': n.t, 'b': n.t}", "{{ n.t|tojson }}"),
    "doubling by dict()": DOUBLING % ("1", "dict(a=n.t, b=n.t)", "{{ n.t == 1 }}"),
    "a tuple as a key": DOUBLING % ("(1,)", "(n.t, n.t)", "{{ {n.t: 1} }}"),
    "lists one in another": "{% set n = namespace(t=[]) %}{% for i in range(99999) %}{% set n.t = [n.t] %}{% endfor %}",
    "filters one in another": DOUBLING.replace("99", "99999") % ("[1, 2, 3]", "n.t|map('string')", "{{ n.t|list }}"),
    "center": "{{ 'a'.center(10**9) }}",
    "ljust": "{{ 'a'.ljust(10**9) }}",
    "zfill": "{{ 'a'.zfill(10**9) }}",
    "expandtabs": "{{ '\\t'.expandtabs(10**9) }}",
    "the filter center": "{{ 'a'|center(1000000000) }}",
    "a filter block": "{% filter center(1000000000) %}a{% endfilter %}",
    "%d": "{{ '%1000000000d' % 1 }}",
    "%*d": "{{ '%*d' % (10**9, 1) }}",
    "%.f": "{{ '%.1000000000f' % 1 }}",
    "% with brackets": "{{ '%((a))1000000000d' % {'(a)': 1} }}",
    "% with names": "{{ ('%(a)s' * 100000) % {'a': 'x' * 100000} }}",
    "the filter format": "{{ '%1000000000d'|format(1) }}",
    "the test odd": "{{ '%1000000000d' is odd }}",
    "odd, selected": "{{ ['%1000000000d']|select('odd')|list }}",
    "a wide field": "{{ '{:>1000000000}'.format(1) }}",
    "a field's width by name": "{{ '{:{w}}'.format(1, w=10**9) }}",
    "a field of a map": "{{ '{a:>1000000000}'.format_map({'a': 1}) }}",
    "many fields": "{{ ('{0}' * 100000).format('x' * 100000) }}",
    "a field's attributes": "{% set n = namespace() %}{% set n.a = n %}{{ ('{0' ~ '.a' * 4000000 ~ '}').format(n) }}",
    "replace": "{{ ('a' * 10000).replace('a', 'b' * 100000) }}",
    "replace nothing": "{{ ('a' * 10000)|replace('', 'b' * 100000) }}",
    "join": "{{ ('b' * 100000).join(['']*100000) }}",
    "the filter join": "{{ range(99999)|join('b' * 100000) }}",
    "split": "{{ ('a' * 10000000).split('a') }}",
    "slices": "{% set s = 'a' * 9999999 %}" + "".join(f"{{% set a{n} = s[{n}:] %}}" for n in range(1000)),
    "range": "{{ range(10**9)|list }}",
    "a loop over a range": "{% for i in range(10**9) %}{% endfor %}",
    "lipsum": "{{ lipsum(n=10**7) }}",
    "indent": "{{ ('a\\n' * 100000)|indent(100000) }}",
    "wordwrap": "{{ ('a ' * 100000)|wordwrap(1, wrapstring='b' * 10000) }}",
    "tojson": "{{ [[1]]|tojson(indent=1000000000) }}",
    "rfind": "{{ ('a' * 8000000).rfind('a' * 2000000 ~ 'b' ~ 'a' * 2000000) }}",
    "strip": "{{ ('a' * 6000000).strip('b' * 6000000 ~ 'a') }}",
    "in": "{% set a = 'a' * 8000000 %}{% set b = 'a' * 4000000 ~ 'b' %}" + "{{ b in a }}" * 5000,
    "==": "{% set a = ['x' * 1000] * 10000 %}{% set b = a + [] %}" + "{{ a == b }}" * 5000,
    "the test ==": "{% set a = ['x' * 1000] * 9999 %}{% set b = a + [] %}" + "{{ a is eq(b) }}" * 5000,
    "sort": "{{ (['a' * 1000000] * 9)|map('string')|sort }}",
    "unique": "{% set x %}{% for i in range(50000) %}{{ i * 2305843009213693951 }},{% endfor %}{% endset %}"
    "{{ x.split(',')|map('int')|unique|list }}",
    "names that are numbers": "{{ dict([[2305843009213693951, 1]]) }}",
    "digits": "{{ ('f' * 9999999)|int(0, 16) }}",
    "round": "{{ 1|round(-1000000000) }}",
    "sum": "{{ ([[1] * 1000] * 500)|sum(start=[])|length }}",
    "upper": "{% for i in range(99999) %}{% set x = ('s' * 10000).upper() %}{% endfor %}",
    "escape": '{{ ("\'" * 15000000)|e }}',
    "strftime": "{{ strftime_now('%1000Y' * 1000000) }}",
    "printing a namespace": DOUBLING % ("0", "namespace(a=n.t, b=n.t)", "{{ n }}"),
    "a namespace in an error": DOUBLING % ("0", "namespace(a=n.t, b=n.t)", "{{ raise_exception(n) }}"),
    "a namespace as a name": DOUBLING % ("0", "namespace(a=n.t, b=n.t)", "{{ messages[n] }}"),
    "brackets": "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
    "a sum of many": "{{ " + "1+" * 50000 + "1 }}",
    "ifs": "{% if 1 %}" * 3000 + "{% endif %}" * 3000,
    "fors": "{% for i in range(9) %}" * 30 + "{% endfor %}" * 30,
    "a constant that is computed": "{% autoescape 'a'|center(10000000000) %}{% endautoescape %}",
    "a long source": "{{ a }}" * 100000,
}


def main() -> None:
    """Write what became of each bomb as JSON lines: what it said, its seconds, and the most memory so far in MB."""
    for name, source in BOMBS.items():
        began, told = time.process_time(), ""
        try:
            render(compile_template(source, chat=True), VALUES)
        except Exception as bad:
            told = f"{type(bad).__name__}: {words_of(bad)}"
        seconds = time.process_time() - began
        # The system's other figure, of `getrusage`, begins with that of the process that started this one.
        megabytes = int(Path("/proc/self/status").read_text("ascii").split("VmHWM:")[1].split()[0]) >> 10
        print(json.dumps({"name": name, "told": told, "seconds": seconds, "megabytes": megabytes}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
