"""A part of a run to look at: drawn at random within strata, so that what is rare is in it and rates can be told.

fields.py        what a comparison or a transcript is divided by
allocation.py    how many of each stratum
drawing.py       which ones
items.py         what is written of each, sighted or blind
tables.py        as CSV; appendix.py as Markdown
writing.py       the file
"""

from constitution.samples.drawing import Drawn, Sample, Stratum, draw
from constitution.samples.writing import as_text, choose_format, write_sample

__all__ = ["Drawn", "Sample", "Stratum", "as_text", "choose_format", "draw", "write_sample"]
