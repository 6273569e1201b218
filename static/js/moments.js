// Times come as UTC; show them in the reader's own zone, the UTC text as a tooltip.
const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });

function localise() {
  for (const moment of document.querySelectorAll("time[data-moment]:not([title])")) {
    moment.title = moment.textContent;
    moment.textContent = format.format(new Date(moment.dateTime));
  }
  // What says how long ago in words has the exact time as its tooltip.
  for (const moment of document.querySelectorAll("time[data-exact]")) {
    moment.title = format.format(new Date(moment.dateTime));
  }
}

localise();
document.addEventListener("htmx:after:swap", localise);
