// The console without leaving the page: says that it waits, puts the answer in, and moves the focus to its heading.
// Whatever is no part of the console (a question who it is, a form out of date) is a page, and opened as one.
function say(name) {
  const line = document.querySelector("[data-progress]");
  if (line) line.textContent = name ? line.dataset[name] : "";
}

document.addEventListener("htmx:before:request", () => say("asking"));
document.addEventListener("htmx:error", () => say("lost"));

document.addEventListener("htmx:before:response", (event) => {
  const { raw } = event.detail.ctx.response;
  if (raw.headers.get("Hub-Part") === "console") return;
  event.preventDefault();
  if (raw.redirected) location.assign(raw.url);
  // Refused before anything was done: sent again, the refusal is shown as the page it is.
  else if (raw.status === 403 || raw.status === 404) document.querySelector(".console-form").submit();
  else say("lost");
});

document.addEventListener("htmx:after:swap", () => {
  const place = document.querySelector("#console [aria-invalid=true]") ?? document.querySelector("#console [data-focus]");
  place?.focus();
  place?.scrollIntoView({ block: "nearest" });
});
