// Goes on with a bulk revocation and shows how far it is, for as long as the page is open. Without it, a button does.
const EVERY = 2000;
const place = document.getElementById("bulk-progress");
const form = document.getElementById("bulk-step");
let stepping = false;

function show(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("bulk-progress");
  if (!fresh || fresh.innerHTML === place.innerHTML) return;
  place.replaceChildren(...fresh.childNodes);
  place.dataset.underWay = fresh.dataset.underWay;
}

async function look() {
  try {
    const answer = await fetch(location.href, { credentials: "same-origin" });
    if (answer.ok) show(await answer.text());
  } catch {
    // The next look may succeed.
  }
}

async function step() {
  stepping = true;
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), credentials: "same-origin" });
    if (answer.ok) show(await answer.text());
  } catch {
    // The sweep goes on with it.
  }
  stepping = false;
}

async function turn() {
  if (place.dataset.underWay !== "yes") {
    if (began) location.reload();
    return;
  }
  if (form && !stepping) step();
  await look();
  setTimeout(turn, EVERY);
}

const began = place?.dataset.underWay === "yes";
if (began) turn();
