// A form that was sent is busy: sent once however often it is pressed, with a turning sign on its button. What answers
// with a file and not with a page says data-busy="off": nothing would end it.
import { hush, say } from "./status.js";

const LATER = 600;
const AT_LAST = 20_000;
const busy = new Map();

function begin(form, button) {
  button?.setAttribute("aria-disabled", "true");
  button?.setAttribute("data-busy", "");
  form.setAttribute("aria-busy", "true");
  const timers = [setTimeout(() => say("busy"), LATER), setTimeout(() => end(form), AT_LAST)];
  busy.set(form, { button, timers });
}

function end(form) {
  const { button, timers } = busy.get(form);
  busy.delete(form);
  timers.forEach(clearTimeout);
  button?.removeAttribute("aria-disabled");
  button?.removeAttribute("data-busy");
  form.removeAttribute("aria-busy");
  if (busy.size === 0) hush("busy");
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || form.dataset.busy === "off") return;
  if (busy.has(form)) event.preventDefault();
  else begin(form, event.submitter);
});

// The back button shows the page as it was left.
addEventListener("pageshow", (event) => {
  if (event.persisted) [...busy.keys()].forEach(end);
});
