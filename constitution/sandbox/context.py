"""What a template sees while it renders, and the budget of that rendering."""

from typing import Any

from jinja2.runtime import Context

from constitution.sandbox.budget import Budget


class BoundedContext(Context):
    """Jinja's, with the budget of the rendering.

    Attributes:
        budget: Set by whoever makes the first context of a rendering.
    """

    budget: Budget

    def derived(self, locals: Any = None) -> "BoundedContext":
        """A context of the same rendering, for `{% block scoped %}`."""
        made = super().derived(locals)
        assert isinstance(made, BoundedContext)
        made.budget = self.budget
        return made
