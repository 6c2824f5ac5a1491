// Before the first event: how to send one, with the catalog's own names and a valid example.

import { ask } from "./api.js";
import { h } from "./dom.js";
import * as locale from "./locale.js";

/** Make the section that says how to send the first event; `events` are those of the catalog. */
export function empty(events, catalog) {
  const steps = h("ol", { "aria-live": "polite" });
  const chosen = h("select", { onchange: () => show(steps, chosen.value, found) }, events.map((one) => h("option", { value: one.name }, one.name)));
  let found = { package: "", definitions: [] };
  show(steps, chosen.value, found);
  ask("definitions").then(({ body }) => {
    found = body;
    chosen.value = likely(found.definitions) ?? chosen.value;
    show(steps, chosen.value, found);
  }, () => {}); // without examples, the steps say how to see one
  return h("section", { class: "first", "aria-labelledby": "first-title" },
    h("h2", { id: "first-title" }, "No event has arrived yet"),
    h("p", {}, `The catalog ${catalog} has ${locale.count(events.length)} ${events.length === 1 ? "event" : "events"}. Send the first one over HTTP or from Python; it is here a moment later.`),
    h("label", { class: "field" }, "Event", chosen),
    steps,
    h("p", {}, "To see first what this page can look like, run ", h("code", {}, "analytics-server sample"),
      " where the catalog's events.yaml is: the same page, on made-up events in a database of its own."),
    h("details", {}, h("summary", {}, "All events of the catalog"),
      h("dl", { class: "entries" }, events.flatMap((one) => [h("dt", {}, h("code", {}, one.name)), h("dd", {}, one.description)]))));
}

/** Return the event that most is made from, of those with an example. */
function likely(definitions) {
  const known = definitions.filter((one) => one.kind === "event" && one.example);
  return known.sort((a, b) => b.read_by.length - a.read_by.length)[0]?.name;
}

function show(steps, name, found) {
  const example = found.definitions.find((one) => one.kind === "event" && one.name === name)?.example;
  const step = (text, lines) => h("li", {}, h("p", {}, text), h("pre", { tabindex: 0 }, h("code", {}, lines)));
  steps.replaceChildren(...[
    step("Make a token that may send:", "TOKEN=$(analytics-server token create --name first --scope ingest)"),
    example ? step("Send it over HTTP:", overHttp(example)) : step("See what it holds:", `analytics-codegen sample ${name}\nanalytics-codegen explain ${name}`),
    example && found.package ? step("Or from Python, straight to the database:", fromPython(example, found.package)) : null,
  ].filter(Boolean));
}

function overHttp(example) {
  const url = new URL("api/analytics/events/batch", document.baseURI).href;
  const sent = JSON.stringify([{ timestamp: new Date().toISOString(), event: example }]).replaceAll("'", "'\\''");
  return `curl -fsS ${url} -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\\n  -d '${sent}'`;
}

function fromPython(example, name) {
  return `from adi_analytics import AnalyticsClient\nfrom ${name} import from_dict\n\nwith AnalyticsClient.connect(service="my-service") as client:\n    client.track(from_dict(${literal(example)}))`;
}

/** Write JSON data as Python does. */
function literal(value) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "object") return `{${Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${literal(one)}`).join(", ")}}`;
  return JSON.stringify(value);
}
