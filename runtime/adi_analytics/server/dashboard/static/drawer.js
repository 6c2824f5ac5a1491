// What lies beside the page: where numbers come from, and the SQL of an answer.

import { h, icon, say } from "./dom.js";
import * as locale from "./locale.js";
import * as api from "./api.js";
import { store } from "./state.js";
import { lengthName } from "./time.js";

const dialog = h("dialog", { class: "drawer", "aria-labelledby": "drawer-title", onclose: () => store.set({ about: "" }),
  onclick: (event) => event.target === dialog && dialog.close() });

function open(title, ...content) {
  if (!dialog.isConnected) document.body.append(dialog);
  const close = h("button", { type: "button", class: "plain", "aria-label": "Close", onclick: () => dialog.close() }, icon("close"));
  dialog.replaceChildren(h("div", { class: "drawer-head" }, h("h2", { id: "drawer-title" }, title), close), h("div", { class: "drawer-body" }, content));
  if (!dialog.open) dialog.showModal();
}

/** Close the drawer. */
export function close() {
  if (dialog.open) dialog.close();
}

/** Show what a section's numbers are; `source` is its aggregate, `freshness` the watermark of its answers. */
export function about(section, source, freshness, zone, more = []) {
  const facts = [
    ["Name", h("code", {}, section.name)],
    ["Owner", section.owner || source?.owner],
    ["Stored by", source ? `${lengthName(source.bucket)}, in ${source.bucket.time_zone ?? "UTC"}` : null],
    ["Version", source?.version],
    ["Stored until", freshness ? locale.moment(new Date(freshness), zone) : null],
  ].filter(([, value]) => value !== null && value !== undefined && value !== "");
  open(section.title,
    h("p", {}, section.description),
    h("dl", { class: "facts" }, facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value instanceof Node ? value : String(value))])),
    source ? list("Measures", source.measures, section) : null,
    source?.dimensions.length ? list("Dimensions", source.dimensions, section) : null,
    more);
}

/** Show what the catalog itself says of a name: its lines, and what reads what; `whole` for something without a section. */
export async function define(name, { whole = false } = {}) {
  const host = h("div", { class: "definition", "aria-busy": "true" });
  dialog.querySelector(".drawer-body")?.append(host);
  const { body } = await api.ask("definitions", [["name", name]]).catch(() => ({ body: { definitions: [] } }));
  host.removeAttribute("aria-busy");
  host.append(...body.definitions.flatMap((one) => [
    whole ? h("p", {}, one.description) : "",
    whole && one.owner ? h("p", { class: "soft" }, `${locale.words(one.kind)}, owned by ${one.owner}`) : "",
    one.reads.length ? names("Counts the events", one.reads) : "",
    one.kind === "event" ? one.read_by.length ? names("Is counted by", one.read_by.map((other) => other.name)) : h("p", { class: "soft" }, "Nothing counts it.") : "",
    h("h3", {}, "In the catalog"), h("p", { class: "soft" }, `${one.file}, line ${one.line}`), h("pre", { tabindex: 0 }, h("code", {}, one.text)),
  ]));
}

function names(title, entries) {
  const button = (name) => h("li", {}, h("button", { type: "button", class: "link", onclick: () => store.set({ about: name }) }, h("code", {}, name)));
  return h("div", {}, h("h3", {}, title), h("ul", { class: "names" }, entries.map(button)));
}

/** Show something of the catalog that has no section, such as an event. */
export function other(name) {
  open(locale.words(name), h("dl", { class: "facts" }, h("dt", {}, "Name"), h("dd", {}, h("code", {}, name))));
}

function list(title, entries, section) {
  const exact = new Map(section.panels.flatMap((panel) => panel.measures).map((one) => [one.name, one.exactness]));
  return [h("h3", {}, title), h("dl", { class: "entries" }, entries.flatMap((one) => [
    h("dt", {}, h("code", {}, one.name), one.unit ? ` ${one.unit}` : "", exact.get(one.name) ? h("span", { class: "badge" }, exact.get(one.name)) : null),
    h("dd", {}, one.description),
  ]))];
}

/** Show the statements of a panel's answer. */
export async function explain(panel) {
  const { path, parameters } = panel.main;
  const code = h("code", {}, "…");
  const copy = h("button", { type: "button", onclick: async () => {
    await navigator.clipboard.writeText(code.textContent);
    say("Copied");
    copy.textContent = "Copied";
  } }, "Copy");
  open(`SQL of ${panel.spec.title}`, h("p", { class: "soft" }, "It runs in psql, or in clickhouse-client, as it stands. It holds the values of your filters."), copy,
    h("pre", { class: "sql", tabindex: 0 }, code));
  try {
    code.textContent = await api.text(path, [...parameters, ["explain", "sql"]]);
  } catch (error) {
    code.textContent = error.message;
  }
}
