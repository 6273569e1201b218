// A form with data-passkey asks the browser for a credential when it is sent, and takes that along.
// allauth's webauthn-json.js translates between the JSON of the server and the buffers of the browser.
const { webauthnJSON } = window;

async function optionsFor(form) {
  if (form.dataset.passkey !== "sign-in") return JSON.parse(document.getElementById("passkey-options").textContent);
  const response = await fetch(form.action, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`no options: ${response.status}`);
  return response.json();
}

async function create({ creation_options: options }, passwordless) {
  const selection = options.publicKey.authenticatorSelection;
  selection.residentKey = passwordless ? "required" : "discouraged";
  selection.requireResidentKey = passwordless;
  if (passwordless) selection.userVerification = "required";
  return webauthnJSON.create(options);
}

async function credentialFor(form) {
  const options = await optionsFor(form);
  if (form.dataset.passkey === "add") return create(options, form.elements.passwordless.checked);
  return webauthnJSON.get(options.request_options);
}

function tell(part, name) {
  const texts = [...part.querySelectorAll("[data-passkey-error]")];
  const told = texts.find((text) => text.dataset.passkeyError === name) ?? texts.at(-1);
  for (const text of texts) text.hidden = text !== told;
}

for (const part of document.querySelectorAll("[data-passkey-part]")) {
  const form = part.querySelector("form[data-passkey]");
  if (!webauthnJSON?.supported()) {
    part.querySelector("[data-passkey-missing]").hidden = false;
    continue;
  }
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      form.elements.credential.value = JSON.stringify(await credentialFor(form));
    } catch (error) {
      tell(part, error.name);
      return;
    }
    form.submit();
  });
}
