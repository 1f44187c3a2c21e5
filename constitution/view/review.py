"""Pages that ask people: which of two responses is better, and whether a revision will do."""

from collections.abc import Callable
from typing import Any, get_args

from markupsafe import Markup, escape
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from constitution.errors import ConfigError, ConstitutionError
from constitution.records import Comparison
from constitution.reviews import check_reviewer
from constitution.view.asking import Asking, Told, said, told
from constitution.view.desk import Contradicted, Desk, Item, KindName, Progress, Unsaved
from constitution.view.forms import Answer, Refused, read_answer
from constitution.view.queue import read_sample
from constitution.view.sides import BUTTONS, side_a
from constitution.view.site import Site
from constitution.words import pieces


def routes(site: Site) -> list[Route]:
    """The table of addresses, below the token.

    Raises:
        ConfigError: The sample cannot be read.
    """
    desk = Desk(site.run, read_sample(site.sample) if site.sample else None)

    def start(request: Request) -> Response:
        return _start(site, desk, request)

    def ask(request: Request) -> Response:
        return _refusing(site, request, lambda: _ask(site, desk, request))

    async def answer(request: Request) -> Response:
        try:
            given = await read_answer(request)
        except Refused as bad:
            return _refused(site, request, bad.message, bad.status, None)
        return await run_in_threadpool(_refusing, site, request, lambda: _answer(site, desk, request, given), given)

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
    try:
        progress = {kind: desk.progress(kind, reviewer) for kind in get_args(KindName)}
    except ConstitutionError as bad:
        return _refused(site, request, f"{bad.message}\n{bad.hint}", 500, None)
    asking = {kind: Asking(site.root, kind, reviewer) for kind in get_args(KindName)}
    values: dict[str, Any] = {"reviewer": reviewer or name, "problem": problem, "progress": progress, "asking": asking}
    return site.page("review.html.jinja", status=400 if problem else 200, **values)


def _ask(site: Site, desk: Desk, request: Request) -> Response:
    query = request.query_params
    asking = _asking(site, request, query.get("reviewer", site.reviewer), bool(query.get("again")))
    kind, reviewer, key = asking.kind, asking.reviewer, query.get("item", "")
    after = _told_after(desk, asking, query.get("after", ""))
    if not key:
        found = desk.next(kind, reviewer, query.get("after", ""), asking.again)
        if found:
            return RedirectResponse(asking.address(found, query.get("after", "")), 303)
        progress = desk.progress(kind, reviewer)
        return site.page("review_end.html.jinja", asking=asking, progress=progress, after=after)
    item = desk.item(kind, reviewer, key)
    values = _shown(asking, item, desk.progress(kind, reviewer)) | {"after": after, "after_key": query.get("after", "")}
    return site.page(f"review_{kind}.html.jinja", **values)


def _answer(site: Site, desk: Desk, request: Request, given: Answer) -> Response:
    asking = _asking(site, request, given.reviewer, given.again)
    if given.answer not in BUTTONS[asking.kind]:
        raise Refused(f"There is no such answer: {given.answer!r}.")
    try:
        desk.save(asking.kind, asking.reviewer, given)
    except (Contradicted, Unsaved) as bad:
        if _wants_json(request):
            return JSONResponse({"ask": True}, 409)
        return _asked_again(site, desk, asking, given, bad)
    next_address = asking.address(after=given.item)
    return JSONResponse({"next": next_address}) if _wants_json(request) else RedirectResponse(next_address, 303)


def _asked_again(site: Site, desk: Desk, asking: Asking, given: Answer, bad: Contradicted | Unsaved) -> Response:
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


def _refusing(site: Site, request: Request, make: Callable[[], Response], given: Answer | None = None) -> Response:
    """A page; or one that says why there is none, with what was typed."""
    try:
        return make()
    except Refused as bad:
        return _refused(site, request, bad.message, bad.status, given)
    except ConstitutionError as bad:
        return _refused(site, request, f"{bad.message}\n{bad.hint}", 500, given)


def _refused(site: Site, request: Request, message: str, status: int, given: Answer | None) -> Response:
    if _wants_json(request):
        return JSONResponse({"message": message}, status)
    typed = {"note": _editable(given.note if given else ""), "text": _editable(given.text or "" if given else "")}
    return site.page("review_refused.html.jinja", status, message=message, given=given, **typed)


def _wants_json(request: Request) -> bool:
    return request.headers.get("accept", "") == "application/json"


def _editable(text: str) -> Markup:
    """A text as it is, for an editor: of what cannot be seen there, nothing may be changed by saving it."""
    return escape(text)
