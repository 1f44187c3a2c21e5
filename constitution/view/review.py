"""Pages that ask people: which of two responses is better, and whether a revision will do."""

from typing import Any, get_args

from markupsafe import Markup, escape
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from constitution.errors import ConfigError, ConstitutionError, RunError
from constitution.records import Comparison
from constitution.reviews import check_reviewer, check_writable
from constitution.view.answering import Unsaved
from constitution.view.asking import Asking, Told, said, told
from constitution.view.desk import Contradicted, Desk, KindName, Progress
from constitution.view.forms import Answer, Refused, read_answer
from constitution.view.item import Item
from constitution.view.sides import BUTTONS, side_a
from constitution.view.site import Site
from constitution.words import pieces


def routes(site: Site, desk: Desk) -> list[Route]:
    """The table of addresses, below the token."""

    def start(request: Request) -> Response:
        return _start(site, desk, request)

    def ask(request: Request) -> Response:
        try:
            return _ask(site, desk, request)
        except Refused as bad:
            return _refused(site, request, bad)

    async def answer(request: Request) -> Response:
        try:
            given = await read_answer(request)
        except Refused as bad:
            return _refused(site, request, bad)
        return await run_in_threadpool(_answer, site, desk, request, given)

    return [
        Route("/review", start, name="review"),
        Route("/review/{kind}", ask),
        Route("/review/{kind}", answer, methods=["POST"]),
    ]


def _start(site: Site, desk: Desk, request: Request) -> Response:
    name = request.query_params.get("reviewer", site.reviewer)
    try:
        reviewer, problem = check_reviewer(name), ""
    except ConfigError as bad:
        reviewer, problem = "", bad.message
    unkept = _unkept(site)
    progress = {kind: desk.progress(kind, reviewer) for kind in get_args(KindName)}
    asking = {kind: Asking(site.root, kind, reviewer) for kind in get_args(KindName)}
    values: dict[str, Any] = {"reviewer": reviewer or name, "problem": problem, "unkept": unkept}
    values |= {"progress": progress, "asking": asking, "left_out": desk.left_out()}
    return site.page("review.html.jinja", status=400 if problem else 200, **values)


def _unkept(site: Site) -> RunError | None:
    """Why no answer can be kept; None if that is not known."""
    try:
        check_writable(site.run)
    except RunError as bad:
        return bad
    return None


def _ask(site: Site, desk: Desk, request: Request) -> Response:
    query = request.query_params
    asking = _asking(site, request, query.get("reviewer", site.reviewer), bool(query.get("again")))
    kind, reviewer, key = asking.kind, asking.reviewer, query.get("item", "")
    before = query.get("after", "")
    after: dict[str, Any] = {"after": _told_after(desk, asking, before), "after_key": before}
    if not key:
        found = desk.next(kind, reviewer, before, asking.again)
        if found:
            return RedirectResponse(asking.address(found, before), 303)
        progress = desk.progress(kind, reviewer)
        return site.page("review_end.html.jinja", asking=asking, progress=progress, **after)
    item = desk.item(kind, reviewer, key)
    values = _shown(asking, item, desk.progress(kind, reviewer)) | after
    return site.page(f"review_{kind}.html.jinja", **values)


def _answer(site: Site, desk: Desk, request: Request, given: Answer) -> Response:
    """The next page, after the answer is kept; or why it is not, with what was typed."""
    try:
        asking = _asking(site, request, given.reviewer, given.again)
        if given.answer not in BUTTONS[asking.kind]:
            raise Refused(f"There is no such answer: {given.answer!r}.")
        site.keep()
        try:
            desk.save(asking.kind, asking.reviewer, given)
        except (Contradicted, Unsaved) as bad:
            return (
                JSONResponse({"ask": True}, 409) if _scripted(request) else _ask_again(site, desk, asking, given, bad)
            )
    except Refused as bad:
        return _refused(site, request, bad, given)
    except ConstitutionError as bad:
        return _refused(site, request, Refused(f"{bad.message}\n{bad.hint}", 500), given)
    on = asking.address(after=given.item)
    return JSONResponse({"next": on}) if _scripted(request) else RedirectResponse(on, 303)


def _ask_again(site: Site, desk: Desk, asking: Asking, given: Answer, bad: Contradicted | Unsaved) -> Response:
    """The page that asks which answer is to count; the form goes on as it was sent."""
    item = desk.item(asking.kind, asking.reviewer, given.item)
    values: dict[str, Any] = {"asking": asking, "item": item, "given": said(bad.given)}
    values |= {"form": given, "note": _editable(given.note), "text": _editable(given.text or "")}
    if isinstance(bad, Unsaved):
        return site.page("review_unsaved.html.jinja", 409, **values)
    return site.page("review_conflict.html.jinja", 409, **values, standing=said(item.standing))


def _shown(asking: Asking, item: Item, progress: Progress) -> dict[str, Any]:
    """What a page is made of: of a comparison that is not answered, nothing but texts."""
    record = item.record
    values: dict[str, Any] = {"asking": asking, "item": item, "progress": progress, "prompt": record.prompt}
    values |= {
        "told": told(item, item.standing) if item.standing else None,
        "note": _editable(item.standing.note if item.standing else ""),
    }
    if isinstance(record, Comparison):
        texts = [record.first.text, record.second.text]
        if side_a(asking.reviewer, record.id) == "second":
            texts.reverse()
        return values | {"sides": dict(zip("AB", texts, strict=True))}
    initial, revision = record.responses[0].text, record.responses[-1].text
    edited = item.standing.text if item.standing and item.standing.text is not None else revision
    return values | {
        "initial": initial,
        "revision": revision,
        "edited": _editable(edited),
        "rounds": len(record.rounds),
        "pieces": pieces(initial, revision),
    }


def _told_after(desk: Desk, asking: Asking, key: str) -> Told | None:
    """What is told of the item before; nothing if there is none."""
    if not key:
        return None
    try:
        item = desk.item(asking.kind, asking.reviewer, key)
    except Refused:
        return None
    return told(item, item.standing) if item.standing else None


def _asking(site: Site, request: Request, reviewer: str, again: bool) -> Asking:
    """Who is asked what.

    Raises:
        Refused: There is no such kind, or the name will not do.
    """
    kind: KindName
    match request.path_params["kind"]:
        case "comparison" | "revision" as kind:
            pass
        case _:
            raise Refused("There is no such page.", 404)
    try:
        return Asking(site.root, kind, check_reviewer(reviewer), again)
    except ConfigError as bad:
        raise Refused(f"{bad.message}.") from None


def _refused(site: Site, request: Request, why: Refused, given: Answer | None = None) -> Response:
    if _scripted(request):
        return JSONResponse({"message": why.message}, why.status)
    note, text = (given.note, given.text or "") if given else ("", "")
    values: dict[str, Any] = {"message": why.message, "sent": request.method == "POST"}
    return site.page("review_refused.html.jinja", why.status, note=_editable(note), text=_editable(text), **values)


def _scripted(request: Request) -> bool:
    """Whether a script asks, which shows what it is told in the page that is there."""
    return request.headers.get("accept", "") == "application/json"


def _editable(text: str) -> Markup:
    """A text as it is, for an editor: of what cannot be seen there, nothing may be changed by saving it."""
    return escape(text)
