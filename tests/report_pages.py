"""A report as a test reads it: its elements, their attributes, its texts, and what holds for every one."""

from base64 import b64encode
from collections import Counter
from hashlib import sha256
from html.parser import HTMLParser

# What none of a report's elements may be, and attributes that load or run something.
ACTIVE = {"script", "img", "image", "iframe", "object", "embed", "link", "base", "form", "video", "audio", "use"}
LOADING = {"src", "srcset", "action", "formaction", "style", "xlink:href", "background", "poster", "data"}


class Page(HTMLParser):
    """A page's elements, their attributes, and its texts."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.style = self.text = ""
        self._open = ""
        # Texts of `code` elements as they are copied, and how deep in such a one the next text is.
        self.codes: list[str] = []
        self._deep = 0
        self.feed(html)
        self.close()
        self.words = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = tag
        self.tags[tag] += 1
        if tag == "code" or self._deep:
            self._deep += 1
            self.codes += [""] if tag == "code" else []
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        self._open = ""
        self._deep -= bool(self._deep)
        self.text += "" if self._deep else " "

    def handle_data(self, data: str) -> None:
        if self._deep:
            self.codes[-1] += data
        if self._open == "style":
            self.style += data
        else:
            self.text += data

    def values(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]


def check(page: Page) -> None:
    """Nothing runs, nothing is loaded, and every reference has its target."""
    assert not ACTIVE & page.tags.keys()
    assert not [one for one in page.attributes if one[1] in LOADING or one[1].startswith("on")]
    assert all(value.startswith("#") for value in page.values("href"))
    hashed = b64encode(sha256(page.style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{hashed}'; base-uri 'none'; form-action 'none'"
    assert ("meta", "content", policy) in page.attributes
    assert page.tags["style"] == 1 and "@import" not in page.style and "url(" not in page.style
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    referred = [value.removeprefix("#") for value in page.values("href")]
    referred += " ".join(page.values("aria-labelledby") + page.values("aria-describedby")).split()
    assert set(referred) <= set(ids)
