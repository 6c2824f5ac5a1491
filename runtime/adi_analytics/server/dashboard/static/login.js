// The form that asks for a token.

import { signIn } from "./api.js";
import { h } from "./dom.js";

/** Show the form in `host`; `done` is called when there is a session. `reason` says why it is asked, if that is known. */
export function login(host, done, reason = "") {
  const failed = h("p", { class: "login-failed", role: "alert" }, reason);
  const input = h("input", { id: "token", name: "token", type: "password", autocomplete: "current-password", spellcheck: "false",
    required: true, placeholder: "adi_read_…", "aria-describedby": "token-help" });
  const button = h("button", { type: "submit", class: "main" }, "Sign in");
  const form = h("form", { class: "login", onsubmit: async (event) => {
    event.preventDefault();
    button.disabled = true;
    failed.textContent = "";
    try {
      await signIn(input.value.trim());
      done();
    } catch (error) {
      failed.textContent = error.message;
      input.select();
    } finally {
      button.disabled = false;
    }
  } },
  h("h1", {}, "Sign in"),
  h("label", { for: "token" }, "Token"), input,
  h("p", { id: "token-help", class: "soft" }, "A token that may read. Whoever runs the service makes one:"),
  h("pre", {}, "analytics-server token create --name you --scope read"),
  failed, button);
  host.replaceChildren(h("main", { id: "content", class: "login-page", tabindex: -1 }, form));
  input.focus();
}
