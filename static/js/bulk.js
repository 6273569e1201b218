// Goes on with a bulk revocation, a few seconds at a time, and shows how far it is, for as long as the page is open.
// Without it, a button does. Who may only look is shown what others bring about.
const PAUSE = 1000;
const place = document.getElementById("bulk-progress");
const form = document.getElementById("bulk-step");

function show(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("bulk-progress");
  if (!fresh) return;
  place.replaceChildren(...fresh.childNodes);
  place.dataset.underWay = fresh.dataset.underWay;
}

function ask() {
  if (!form) return fetch(location.href);
  const data = new FormData(form);
  data.set("quick", "yes");
  return fetch(form.action, { method: "POST", body: data });
}

async function turn() {
  try {
    const answer = await ask();
    if (answer.ok) show(await answer.text());
  } catch {
    // No connection: the next turn may have one, and the sweep goes on meanwhile.
  }
  if (place.dataset.underWay === "yes") setTimeout(turn, PAUSE);
  else location.reload();
}

if (place?.dataset.underWay === "yes") setTimeout(turn, PAUSE);
