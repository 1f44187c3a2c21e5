"""Plots as SVG and PNG: what they show, at what places, and that nothing in a name becomes markup."""

import re
import struct
from itertools import pairwise
from xml.etree import ElementTree

import pytest
import resvg_py

from constitution import pages
from constitution.errors import ExportError
from constitution.plots import Bar, Bars, Figure, Histogram, Lines, Plot, Point, Series
from constitution.plots.frame import WIDTH
from constitution.plots.lettering import SIZE, clean, clip, width, wrap
from constitution.plots.png import check_fonts, missing_letters, png
from constitution.plots.svg import STYLE, svg, svg_file
from constitution.plots.ticks import exact, ticks

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onload='alert(1)",
    "</title></svg><svg onload=alert(1)>",
    "]]><!--",
    "&lt;b&gt; &#x3C; &",
    "a\x1b[31mred\x00\ufffe\uffff\ud800",
    "{{ 7 * 7 }} {0.__class__} %s",
    "\u202egnp.exe",
    "中文原则" * 60,
    "w" * 5000,
    "Z" + "\u0335" * 3000,
)


def lines(*values: float, **given: object) -> Lines:
    points = tuple(Point(x=n, y=value, low=value - 0.1, high=value + 0.1, n=40) for n, value in enumerate(values))
    settings = {"x": "Revision", "y": "Share", "ticks": {n: str(n) for n in range(len(values))}, "percent": True}
    return Lines(**settings | {"series": (Series(name="one", points=points),)} | given)


PLOTS: dict[str, Plot] = {
    "lines": lines(0.5, 0.61, 0.72, reference=0.5, reference_name="chance"),
    "bars": Bars(
        x="Share of rounds",
        bars=(Bar(name="harmful", value=0.4, low=0.3, high=0.5, n=9, mark=0.2), Bar(name="kind", value=0.1)),
        mark_name="expected",
        percent=True,
    ),
    "histogram": Histogram(x="p", y="Comparisons", edges=(0.0, 0.5, 1.0), counts=(3, 1204)),
}


def figure(plot: Plot, name: str = "drawn") -> Figure:
    return Figure(name=name, title="A title", caption="A caption.", plot=plot)


def tree(plot: Plot) -> ElementTree.Element:
    return ElementTree.fromstring(svg(figure(plot)))


def tips(plot: Plot) -> list[str]:
    return [one.text or "" for one in tree(plot).iterfind(f".//{SVG}g/{SVG}title")]


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
def test_a_plot_in_a_page_has_no_style_no_script_and_a_description(plot: Plot) -> None:
    root = tree(plot)
    ids = [one.get("id") for one in root.iter() if one.get("id")]
    assert ids == ["figure-drawn-title", "figure-drawn-values"]
    assert root.get("role") == "img"
    assert [root.get("aria-labelledby"), root.get("aria-describedby")] == ids
    assert root.findtext(f"{SVG}title") == "A title"
    assert tips(plot) and root.findtext(f"{SVG}desc") == "; ".join(tips(plot))
    for element in root.iter():
        assert element.tag.removeprefix(SVG) not in ("style", "script", "a", "image", "foreignObject", "use")
        assert not [name for name in element.attrib if name == "style" or name.startswith("on") or "href" in name]


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
def test_every_class_of_a_plot_is_in_the_stylesheet(plot: Plot) -> None:
    used = {name for element in tree(plot).iter() for name in element.get("class", "").split()} - {"point"}
    assert used <= set(re.findall(r"\.([\w-]+)", STYLE))
    colours = set(re.findall(r"var\(--([\w-]+)\)", STYLE))
    light, dark = pages.STYLE.split("prefers-color-scheme: dark")
    assert colours and all(f"--{name}: #" in light and f"--{name}: #" in dark for name in colours)


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("whole", [False, True], ids=["page", "file"])
def test_hostile_names_stay_texts(name: str, whole: bool) -> None:
    series = tuple(Series(name=name, points=(Point(x=0, y=1), Point(x=1, y=2))) for _ in range(2))
    plots = (
        Bars(x=name, bars=(Bar(name=name, value=1),), mark_name=name, reference=1, reference_name=name),
        Lines(x=name, y=name, series=series, ticks={0: name, 1: name}, reference=1.5, reference_name=name),
        Histogram(x=name, y=name, edges=(0, 1), counts=(1,)),
    )
    plain = (
        Bars(x="x", bars=(Bar(name="x", value=1),), mark_name="x", reference=1, reference_name="x"),
        Lines(x="x", y="x", series=series, ticks={0: "x", 1: "x"}, reference=1.5, reference_name="x"),
        Histogram(x="x", y="x", edges=(0, 1), counts=(1,)),
    )
    for plot, other in zip(plots, plain, strict=True):
        made = Figure(name=name, title=name, caption=name, plot=plot)
        drawn = svg_file(made) if whole else svg(made)
        found = ElementTree.fromstring(drawn.encode())
        usual = ElementTree.fromstring((svg_file if whole else svg)(figure(other)).encode())
        assert {element.tag for element in found.iter()} == {element.tag for element in usual.iter()}
        assert {key for one in found.iter() for key in one.attrib} == {
            key for one in usual.iter() for key in one.attrib
        }
        assert "\x1b" not in drawn and "\u202e" not in drawn
        assert all(width(text.text or "") <= WIDTH for text in found.iter(f"{SVG}text"))


def test_names_are_told_whole_where_they_are_cut() -> None:
    long = "a-principle-whose-name-nobody-would-want-to-write-twice-in-a-day-or-even-once"
    plot = Bars(x="Rounds", bars=(Bar(name=long, value=3),))
    shown = [one.text or "" for one in tree(plot).iter(f"{SVG}text")]
    assert any(text.endswith("…") for text in shown) and long not in shown
    assert tips(plot) == [f"{long}: 3"]


def test_marks_tell_value_interval_and_n() -> None:
    assert tips(PLOTS["lines"])[1] == "one, 1: 61.0% (95% interval 51.0% to 71.0%, n = 40)"
    assert tips(PLOTS["bars"]) == [
        "harmful: 40.0% (95% interval 30.0% to 50.0%, n = 9); expected: 20.0%",
        "kind: 10.0%",
    ]
    assert tips(PLOTS["histogram"]) == ["0 to 0.5: 3", "0.5 to 1: 1,204"]


def test_values_lie_where_the_axis_says() -> None:
    root = tree(lines(0.2, 0.8, low=0, high=1))
    labels = {
        one.text: float(one.get("y", "")) - 4.5 for one in root.iter(f"{SVG}text") if (one.text or "").endswith("%")
    }
    dots = [float(one.get("cy", "")) for one in root.iter(f"{SVG}circle")]
    assert dots == pytest.approx([labels["20%"], labels["80%"]], abs=0.02)
    bars = tree(Bars(x="n", bars=(Bar(name="a", value=2), Bar(name="b", value=-1)))).findall(
        f".//{SVG}rect[@class='bar']"
    )
    (left, wide), (other, narrow) = [(float(one.get("x", "")), float(one.get("width", ""))) for one in bars]
    assert wide == pytest.approx(2 * narrow, abs=0.02) and other + narrow == pytest.approx(left, abs=0.02)


def test_series_differ_without_colour_too() -> None:
    series = tuple(Series(name=str(n), points=(Point(x=0, y=n), Point(x=1, y=n))) for n in range(5))
    root = tree(Lines(x="x", y="y", series=series))
    marks = [
        group.find(f"{SVG}g[@class='point']") for group in root.findall(f"{SVG}g") if group.find(f"{SVG}g") is not None
    ]
    shapes = set()
    for mark in marks:
        assert mark is not None
        dot = mark[-1]
        corners = [tuple(map(float, pair.split(","))) for pair in dot.get("points", "").split()]
        shapes.add((dot.tag, tuple((round(x - corners[0][0], 1), round(y - corners[0][1], 1)) for x, y in corners)))
    assert len(shapes) == 5
    assert len(set(re.findall(r"series-\d \.joined { stroke-dasharray: ([^;]+)", STYLE))) == 4


@pytest.mark.parametrize(
    "plot",
    [
        lines(),
        lines(float("nan"), float("inf")),
        Lines(x="x", y="y", series=()),
        Bars(x="x", bars=()),
        Bars(x="x", bars=(Bar(name="a", value=float("nan")),)),
        Histogram(x="x", y="y", edges=(0, 1), counts=(0,)),
        Histogram(x="x", y="y", edges=(), counts=()),
    ],
)
def test_without_data_it_says_so(plot: Plot) -> None:
    assert "no data" in [one.text for one in tree(plot).iter(f"{SVG}text")]


@pytest.mark.parametrize(
    "plot",
    [
        lines(0.4),
        lines(0, 0, 0),
        lines(0.5, float("nan"), 0.7),
        Lines(x="x", y="y", series=(Series(name="a", points=(Point(x=3, y=1e12, low=float("nan"), high=2),)),)),
        Bars(x="x", bars=tuple(Bar(name=f"n{n}", value=n * 1e7) for n in range(60))),
        Bars(x="x", bars=(Bar(name="a", value=0),)),
        Bars(x="x", bars=(Bar(name="a", value=-3, low=-9, high=float("inf"), mark=float("nan")),), reference=-2),
        Bars(x="x", bars=(Bar(name="a", value=1e-9, low=0, high=2e-9),)),
        Histogram(x="x", y="y", edges=(0, 1e-3, 2e-3), counts=(1, 0)),
    ],
)
def test_odd_values_are_drawn_within_the_picture(plot: Plot) -> None:
    root = tree(plot)
    _, _, wide, high = map(float, root.get("viewBox", "").split())
    for element in root.iter():
        for name, most in (
            ("x", wide),
            ("x1", wide),
            ("x2", wide),
            ("cx", wide),
            ("y", high),
            ("y1", high),
            ("cy", high),
        ):
            assert -0.1 <= float(element.get(name, "0")) <= most + 0.1, (element.tag, element.attrib)
    assert not re.search(r"\b(nan|inf)\b", svg(figure(plot)))


@pytest.mark.parametrize("count", [2, 12, 60])
def test_no_text_lies_over_another(count: int) -> None:
    names = [f"principle-number-{n}" + "-with-more-to-it" * (n % 3) for n in range(count)]
    plots = (
        Bars(
            x="Probability that the later response is better",
            bars=tuple(Bar(name=name, value=n * 999, low=0, high=n * 1100) for n, name in enumerate(names)),
            reference=500,
            reference_name="a reference with a name that takes its place",
        ),
        Lines(
            x="x",
            y="y",
            series=tuple(Series(name=name, points=(Point(x=0, y=1), Point(x=count, y=2))) for name in names[:5]),
            ticks={n: f"{n} of many" for n in range(count)},
        ),
    )
    for plot in plots:
        boxes = [_box(one) for one in tree(plot).iter(f"{SVG}text")]
        assert len(boxes) >= min(count, 10)
        for number, (left, right, top, bottom) in enumerate(boxes):
            assert left >= 0 and right <= WIDTH
            for other in boxes[:number]:
                assert left >= other[1] or right <= other[0] or top >= other[3] or bottom <= other[2]


def _box(text: ElementTree.Element) -> tuple[float, float, float, float]:
    x, y, wide = float(text.get("x", "")), float(text.get("y", "")), width(text.text or "")
    left = x - {"start": 0.0, "middle": wide / 2, "end": wide}[text.get("text-anchor", "")]
    return left, left + wide, y - 0.75 * SIZE, y + 0.2 * SIZE


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 1, "0 0.2 0.4 0.6 0.8 1.0"),
        (0.12, 0.38, "0.1 0.2 0.3 0.4"),
        (0, 0, "0 0.2 0.4 0.6 0.8 1.0"),
        (-0.3, 0.4, "−0.4 −0.2 0 0.2 0.4"),
        (0, 123456, "0 25k 50k 75k 100k 125k"),
        (0, 7e6, "0 2M 4M 6M 8M"),
        (0, 3, "0 1 2 3"),
        (0, 6000, "0 2,000 4,000 6,000"),
        (0, 1.2e6, "0 0.25M 0.50M 0.75M 1.00M 1.25M"),
        (1e-7, 3e-7, None),
    ],
)
def test_ticks_are_round_and_hold_the_values(low: float, high: float, labels: str | None) -> None:
    found = ticks(low, high)
    assert found[0].value <= low + 1e-12 and found[-1].value >= high - 1e-12 and 2 <= len(found) <= 8
    assert len({round(b.value - a.value, 12) for a, b in pairwise(found)}) == 1
    assert len({tick.label for tick in found}) == len(found)
    assert labels is None or " ".join(tick.label for tick in found) == labels


def test_ticks_of_shares_and_counts() -> None:
    assert [tick.label for tick in ticks(0, 1, percent=True)] == ["0%", "20%", "40%", "60%", "80%", "100%"]
    assert [tick.label for tick in ticks(0, 0.01, percent=True)][:2] == ["0%", "0.2%"]
    assert [tick.label for tick in ticks(0, 2, whole=True)] == ["0", "1", "2"]
    assert [exact(value) for value in (1204, 0.03125, -2, 1234.5, 0.1)] == ["1,204", "0.0312", "−2", "1,234", "0.1"]


def test_the_ends_of_axes_are_written_whole() -> None:
    shares = lines(0.5, 1, ticks={}, diagonal=True, low=0, high=1)
    numbers = Lines(x="x", y="y", series=(Series(name="a", points=(Point(x=0, y=0), Point(x=900_000, y=900_000))),))
    for plot, label in ((shares, "100%"), (numbers, "1.0M")):
        assert [one.text for one in tree(plot).iter(f"{SVG}text")].count(label) == 2


def test_texts_are_made_to_fit() -> None:
    assert wrap("harmful-unethical-racist", 100) == ("harmful-", "unethical-r…")
    assert wrap("harmful-unethical-racist", 170) == ("harmful-unethical-", "racist")
    assert clip("short", 100) == "short"
    assert clean("a\n b\x1b\ufffe") == "a b��"
    assert all(width(line) <= 90 for line in wrap("原则" * 30, 90))


def test_a_file_stands_alone() -> None:
    text = svg_file(figure(PLOTS["lines"]))
    root = ElementTree.fromstring(text.encode())
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n')
    style = root.findtext(f"{SVG}style") or ""
    assert "var(" not in style and "#0b57d0" in style and "system-ui" not in style
    assert (root.findtext(f"{SVG}desc") or "").startswith("A caption. ")
    assert root.get("width") == "440" and root.get("height") == root.get("viewBox", "").split()[-1]


def test_a_picture_is_large_enough_to_print_and_has_its_words() -> None:
    drawn = svg_file(figure(PLOTS["bars"]))
    picture = png(drawn)
    assert picture.startswith(b"\x89PNG") and struct.unpack(">I", picture[16:20]) == (1760,)
    # Words are all that it has more than the same figure without any, and than on a machine without a font.
    wordless = png(re.sub("<text.*?</text>", "", drawn))
    assert picture != wordless
    assert resvg_py.svg_to_bytes(svg_string=drawn, zoom=4, background="white", skip_system_fonts=True) == wordless


def test_without_fonts_there_is_an_error_and_no_picture() -> None:
    with pytest.raises(ExportError, match="DejaVu Sans, Liberation Sans") as caught:
        check_fonts(system=False)
    assert "fonts-dejavu-core" in caught.value.hint
    check_fonts()


def test_letters_that_no_font_has_are_known() -> None:
    assert missing_letters("plain é Ж \U0010ffff\U000f1234\U000f1234") == "\U0010ffff\U000f1234"
