// The one line that says how it stands with the hub: busy, lost, back. A page without it goes without.
const line = document.querySelector("[data-live-status]");
let timer;

export function say(name) {
  if (!line || line.dataset.status === name) return;
  clearTimeout(timer);
  line.dataset.status = name;
  line.textContent = line.dataset[name] ?? "";
}

export function hush(name) {
  if (line?.dataset.status === name) say("");
}

// What was lost is back: said once, then gone.
export function back() {
  if (!["lost", "failed"].includes(line?.dataset.status)) return;
  say("back");
  timer = setTimeout(() => hush("back"), 4_000);
}
