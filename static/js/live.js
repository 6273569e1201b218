// Parts of a page that htmx fetches anew: those marked data-live by the clock, all of them without a trace of the change
// but the change itself: the address follows a search, the focus stays, an answer that is no part of the page is refused.
import { back, say } from "./status.js";

const EVERY = 20_000;
let asked = Date.now();

function ask() {
  if (document.visibilityState !== "visible") return;
  asked = Date.now();
  for (const part of document.querySelectorAll("[data-live]")) part.dispatchEvent(new Event("hub:refresh"));
}

setInterval(ask, EVERY);
document.addEventListener("visibilitychange", () => {
  if (Date.now() - asked >= EVERY) ask();
});

// A search that gets no answer is said, until one is answered; a refresh by the clock is tried again in silence.
function tell(form, isUnanswered) {
  const notice = form.matches?.("form[role=search]") && document.querySelector("[data-unanswered]");
  if (notice) notice.hidden = !isUnanswered;
}

document.addEventListener("htmx:error", ({ target }) => tell(target, true));
document.addEventListener("htmx:before:response", ({ target, detail }) => {
  const { raw } = detail.ctx.response;
  tell(target, !raw.ok);
  // Whoever must sign in first comes back to what they looked for.
  if (!raw.redirected || !target.matches?.("form[role=search]")) return;
  history.replaceState(history.state, "", `?${new URLSearchParams(new FormData(target))}`);
});

document.addEventListener("htmx:before:response", (event) => {
  const { raw } = event.detail.ctx.response;
  if (raw.ok && !raw.redirected) {
    back();
    return;
  }
  event.preventDefault();
  if (!raw.ok) say("failed");
  // Somebody who was signed out meanwhile is asked to sign in by a page, not inside a list.
  if (raw.redirected) location.reload();
});

// Neither a change nor an error reaches a page whose hub is out of reach: it says so, and asks again once it may be back.
document.addEventListener("htmx:error", (event) => {
  if (event.detail.ctx && !event.detail.ctx.response) say("lost");
});
addEventListener("offline", () => say("lost"));
addEventListener("online", () => (document.querySelector("[data-live]") ? ask() : back()));

let focused = null;
document.addEventListener("htmx:before:swap", () => {
  focused = document.activeElement;
});
document.addEventListener("htmx:after:swap", () => {
  // A browser that cannot move an element without taking it out has lost the focus.
  if (focused?.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
  const address = document.querySelector("[data-address]")?.dataset.address;
  if (address && address !== location.pathname + location.search) history.replaceState(history.state, "", address);
});
