"""Names as a page has room for them: ids, models and rules may be of any length, a page may not."""

from constitution.plots import Bars, Figure, Lines
from constitution.report.findings import Findings
from constitution.report.page.spelling import short


def brief_models(findings: Findings, most: int) -> Findings:
    """The findings with names of models, which captions tell, of at most so many characters."""
    stages = tuple(stage.model_copy(update={"model": short(stage.model, most)}) for stage in findings.stages)
    return findings.model_copy(update={"stages": stages})


def brief_names(figure: Figure, most: int) -> Figure:
    """The figure with names of what it draws of at most so many characters: each is told three times over."""
    plot = figure.plot
    if isinstance(plot, Bars):
        bars = tuple(bar.model_copy(update={"name": short(bar.name, most)}) for bar in plot.bars)
        return figure.model_copy(update={"plot": plot.model_copy(update={"bars": bars})})
    if isinstance(plot, Lines):
        series = tuple(one.model_copy(update={"name": short(one.name, most)}) for one in plot.series)
        return figure.model_copy(update={"plot": plot.model_copy(update={"series": series})})
    return figure
