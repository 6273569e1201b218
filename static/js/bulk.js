// Goes on with a bulk revocation, a few seconds at a time, and shows how far it is, for as long as the page is open.
// Without it, a button does. Who may only look is shown what others bring about.
const PAUSE = 1000;
const place = document.getElementById("bulk-progress");
const form = document.getElementById("bulk-step");

// False where the answer is another page: whoever was signed in is not any more.
function show(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("bulk-progress");
  if (!fresh) return false;
  place.replaceChildren(...fresh.childNodes);
  place.dataset.underWay = fresh.dataset.underWay;
  return true;
}

function ask() {
  if (!form) return fetch(location.href);
  const data = new FormData(form);
  data.set("quick", "yes");
  return fetch(form.action, { method: "POST", body: data });
}

async function turn() {
  let mayGoOn = true;
  try {
    const answer = await ask();
    // A server that fails may work at the next turn; one that refuses, or asks to sign in, will not.
    mayGoOn = answer.ok ? show(await answer.text()) : answer.status >= 500;
  } catch {
    // No connection: the next turn may have one, and the sweep goes on meanwhile.
  }
  if (mayGoOn && place.dataset.underWay === "yes") setTimeout(turn, PAUSE);
  else location.reload();
}

if (place?.dataset.underWay === "yes") setTimeout(turn, PAUSE);
