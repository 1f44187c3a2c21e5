"""What chat templates have beyond Jinja, as transformers gives it to them."""

from datetime import datetime

from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser

from constitution.sandbox.budget import LimitExceeded

# strftime writes up to 256 times as much.
FORMAT = 200


class Generation(Extension):
    """`{% generation %}` marks what an assistant wrote, for training; here it is only a scope of its own."""

    tags = {"generation"}  # noqa: RUF012 - so Jinja declares it

    def parse(self, parser: Parser) -> nodes.Node:
        """The tag and all up to `{% endgeneration %}`."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body).set_lineno(line)


def strftime_now(format: str) -> str:
    """The time of now, written as a chat template asks for it."""
    if len(format) > FORMAT:
        raise LimitExceeded(f"asks for the time in more than {FORMAT} characters")
    return datetime.now().strftime(format)
