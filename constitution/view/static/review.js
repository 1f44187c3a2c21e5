// Keys for the review pages, and answers that outlast a server that stops. Without this, forms and links do it all.
"use strict";
(() => {
  const BEGINNING = "constitution review ";

  // Where a review begins, also at a server that was started anew: what this tab has not got rid of yet.
  const unsent = document.querySelector("#unsent");
  if (unsent) {
    let names = [];
    try { names = Object.keys(sessionStorage).filter((one) => one.startsWith(BEGINNING)); } catch { /* A forbidden store. */ }
    for (const one of names) {
      const [kind, item, ...reviewer] = one.slice(BEGINNING.length).split(" ");
      const link = document.createElement("a");
      link.href = `${unsent.dataset.root}/review/${kind}?` + new URLSearchParams({ reviewer: reviewer.join(" "), item });
      link.textContent = `Go to that ${kind}`;
      const words = document.createElement("p");
      words.append("What you last did or wrote about an item may not have been saved. ", link);
      unsent.append(words);
    }
    unsent.hidden = !names.length;
  }

  const form = document.querySelector("form[data-review]");
  if (!form) return;
  const opened = performance.now();
  const name = BEGINNING + form.dataset.review;
  const note = form.querySelector("#note"), text = form.querySelector("#text"), message = form.querySelector("#kept");
  const written = [note, text].filter(Boolean);
  const asMade = written.map((field) => field.value);
  let sending = false;

  // What was typed stays in this tab, whatever becomes of the page.
  const keep = (answer) => {
    try {
      const kept = { answer, note: note.value, text: text ? text.value : null };
      sessionStorage.setItem(name, JSON.stringify(kept));
    } catch { /* A full or forbidden store: the page itself still holds it. */ }
  };
  const forget = () => { try { sessionStorage.removeItem(name); } catch { /* As above. */ } };
  const kept = () => { try { return JSON.parse(sessionStorage.getItem(name)); } catch { return null; } };

  const button = (value) => [...form.querySelectorAll("button[name=answer]")].find((one) => one.value === value);
  const busy = (is) => {
    sending = is;
    for (const one of form.querySelectorAll("button")) one.disabled = is;
  };

  const tell = (words, answer) => {
    message.replaceChildren(words);
    if (answer) {
      const retry = document.createElement("button");
      retry.type = "button";
      retry.textContent = "Send it again";
      retry.addEventListener("click", () => send(answer));
      message.append(document.createElement("br"), retry);
    }
    message.hidden = false;
    message.scrollIntoView({ block: "nearest" });
  };

  const send = async (answer) => {
    if (sending) return;
    form.elements.seconds.value = ((performance.now() - opened) / 1000).toFixed(1);
    const body = new URLSearchParams(new FormData(form));
    body.set("answer", answer);
    // A revision that nobody touched need not travel back.
    if (text && answer !== "edit" && text.value === asMade[written.indexOf(text)]) body.delete("text");
    keep(answer);
    busy(true);
    let reply;
    try {
      reply = await fetch(form.getAttribute("action"), { method: "POST", body, headers: { Accept: "application/json" } });
    } catch {
      busy(false);
      tell(`The server cannot be reached. Your answer (${answer}) and what you wrote are kept in this page. `
        + "Start it again, open the address that it prints in this tab, and go to Review.", answer);
      return;
    }
    let said = null;
    try { said = await reply.json(); } catch { /* Not one of this program's answers. */ }
    if (reply.ok && said && said.next) {
      forget();
      location.assign(said.next);
      return;
    }
    busy(false);
    if (reply.status === 409 && said && said.ask) {
      // Two answers: the page that shows both is asked for as without this script.
      forget();
      const chosen = document.createElement("input");
      chosen.type = "hidden";
      chosen.name = "answer";
      chosen.value = answer;
      form.append(chosen);
      form.submit();
    } else if (said && said.message) {
      tell(`Not saved. ${said.message}`, reply.status >= 500 ? answer : null);
    } else if (reply.status !== 404) {
      tell(`Not saved: the server could not do that (status ${reply.status}). Your answer (${answer}) and what you wrote `
        + "are kept in this page.", answer);
    } else {
      tell(`The server was started anew, with another token, so your answer (${answer}) is not saved yet. It is kept: open `
        + "the address that the server has printed, in this tab, and go to Review. At another port, copy what you wrote.", answer);
    }
  };

  form.addEventListener("submit", (event) => {
    if (!event.submitter || event.submitter.name !== "answer") return;
    event.preventDefault();
    send(event.submitter.value);
  });

  for (const field of written) {
    field.addEventListener("input", () => keep(null));
    field.addEventListener("keydown", (event) => {
      const leaves = event.key === "Enter" && (event.ctrlKey || event.metaKey);
      if (event.key !== "Escape" && !leaves) return;
      event.preventDefault();
      field.blur();
      if (field === text && leaves) send("edit");
    });
  }

  const write = (field) => {
    field.closest("details").open = true;
    field.focus();
    field.scrollIntoView({ block: "nearest" });
  };

  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]") || event.isComposing) return;
    if (event.defaultPrevented || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.closest("textarea, input:not([type=radio]), select")) return;
    const key = event.key.toLowerCase();
    const views = [...document.querySelectorAll("input[name=view]")];
    const chosen = [...document.querySelectorAll("[data-pressed]")].find((one) => one.dataset.pressed.includes(key));
    if (key === "n") write(note);
    else if (key === "e" && text) write(text);
    else if (key === "d" && views.length) {
      views[(views.findIndex((one) => one.checked) + 1) % views.length].checked = true;
    } else if (key.length === 1 && chosen) chosen.click();
    else return;
    event.preventDefault();
  });

  const before = kept();
  if (before) {
    const values = [before.note, before.text];
    let changed = false;
    written.forEach((field, which) => {
      if (typeof values[which] !== "string" || values[which] === asMade[which]) return;
      field.value = values[which];
      field.closest("details").open = true;
      changed = true;
    });
    if (before.answer && button(before.answer)) {
      tell(`Your answer (${before.answer}) may not have been saved.`, before.answer);
    } else if (changed) tell("What you had written here is back.", null);
  }
})();
