"""What a person's pointer and keys do to a page, for handlers that wait for them."""

from playwright.sync_api import Page

# Of each kind of event, one on every element; nothing that would follow a link or send a form.
TOUCH = """() => {
  const kinds = ["pointerenter", "pointerover", "mouseover", "mouseenter", "focus", "focusin", "toggle", "error",
    "load", "animationstart", "begin", "start", "pageshow"];
  for (const element of document.querySelectorAll("body *"))
    for (const kind of kinds)
      element.dispatchEvent(new Event(kind));
}"""
# What no page of this program has: handlers, addresses that run, elements that load, move or cover something.
FOREIGN = """() => [...document.querySelectorAll("*")].flatMap(element => [...element.attributes]
    .filter(one => one.name.startsWith("on") || one.name === "srcdoc" || (/href|src|action|data$|poster/.test(one.name)
      && /^\\s*(javascript|data|vbscript):/i.test(one.value)))
    .map(one => `${element.tagName} ${one.name}=${one.value.slice(0, 80)}`))
  .concat([...document.querySelectorAll("base, embed, iframe, math, meta[http-equiv=refresh], object, video, marquee")]
    .map(element => element.outerHTML.slice(0, 80)))"""


def touch_everything(page: Page) -> None:
    """Every element gets every event that a payload waits for; nothing may be there that is none of ours."""
    page.evaluate(TOUCH)
    found = page.evaluate(FOREIGN)
    assert not found, found
