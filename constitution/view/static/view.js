// Keys and news. Pages work without it: every key is that of a link or a field, which says so (data-key="j ArrowRight").
"use strict";

const typing = (element) => element.matches("input:not([type=checkbox]):not([type=radio]), textarea, select");

function act(target) {
  if (target.matches("input, textarea")) {
    target.focus();
    target.select();
  } else {
    target.click();
  }
}

// On a list, j and k go from row to row.
function step(by) {
  const links = [...document.querySelectorAll(".rows .start a")];
  if (!links.length) return false;
  const at = links.indexOf(document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : links.length - 1) : at + by;
  if (links[next]) {
    links[next].focus();
    links[next].closest("li").scrollIntoView({ block: "nearest" });
  }
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || event.isComposing) return;
  const keys = document.getElementById("keys");
  if (keys?.open) return;
  if (typing(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  // What scrolls sideways keeps its arrows.
  if (event.key.startsWith("Arrow") && event.target.closest(".scroll")) return;
  if (event.key === "?" && keys) {
    keys.showModal();
  } else {
    const target = [...document.querySelectorAll("[data-key]")].find((one) =>
      one.dataset.key.split(" ").includes(event.key));
    if (target) act(target);
    else if (!((event.key === "j" && step(1)) || (event.key === "k" && step(-1)))) return;
  }
  event.preventDefault();
});

// News of a run that goes on: counts change where they stand, rows are shown when asked for.
const live = document.getElementById("live");

function told(event) {
  const news = JSON.parse(event.data);
  const lines = news.lines.flatMap((line) => [line, document.createElement("br")]);
  live.querySelector(".counts").replaceChildren(...lines);
  const reading = live.querySelector(".reading");
  reading.hidden = !news.reading;
  reading.textContent = news.reading;
  const more = news.rows - Number(live.dataset.rows);
  const link = document.createElement("a");
  link.href = "";
  link.textContent = `${more.toLocaleString("en")} new ${more === 1 ? "row" : "rows"} in the run: show`;
  tell(...(more > 0 ? [link] : []));
}

// Said once: what changes nothing is not read out again.
function tell(...parts) {
  const line = live.querySelector(".new");
  if (line.textContent !== parts.map((part) => part.textContent ?? part).join("")) line.replaceChildren(...parts);
}

if (live) {
  let source, again;
  let failed = 0;
  // Browsers have six connections to a server for all tabs: those that nobody looks at must not hold one each.
  const follow = () => {
    source?.close();
    clearTimeout(again);
    if (document.hidden) return;
    source = new EventSource(live.dataset.events);
    source.onmessage = (event) => {
      failed = 0;
      told(event);
    };
    source.onerror = () => {
      source.close();
      failed += 1;
      // A machine that slept finds the view again. Of one that has ended nothing is new: no asking again and again.
      if (failed < 3) again = setTimeout(follow, 1000 * failed);
      else tell("This page no longer follows the run: the view has ended.");
    };
  };
  document.addEventListener("visibilitychange", () => {
    failed = 0;
    follow();
  });
  window.addEventListener("pagehide", () => source?.close());
  follow();
}
