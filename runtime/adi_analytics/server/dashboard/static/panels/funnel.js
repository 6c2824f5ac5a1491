// A funnel: for each step a bar of those that got so far, of all attempts that began in the range.

import { h } from "../dom.js";
import * as locale from "../locale.js";
import { choice, nameOf, notDrawn } from "./lines.js";
import { noteWithheld } from "./people.js";

export const size = "full";
const MOST = 4;
const RATE = { format: "percent" };
const TIME = { format: "duration_s" };

const dimension = (panel) => panel.spec.dimensions[0] ?? null;
const chosen = (panel) => (dimension(panel) ? panel.choice("by", ["", dimension(panel).name]) : "");

export function controls(panel) {
  const own = dimension(panel);
  return own ? [choice(panel, "By", "by", [["", "nothing"], [own.name, own.title]])] : [];
}

export async function load(panel) {
  const body = await panel.ask(panel.question());
  const { bucket } = panel.spec;
  const own = chosen(panel);
  const groups = new Map();
  body.rows.forEach((row, place) => {
    const key = own ? row[own] : "";
    if (!groups.has(key)) groups.set(key, { value: own ? row[own] : null, steps: new Map() });
    add(groups.get(key).steps, row, body.states[place] === "provisional");
  });
  const made = [...groups.values()].map(({ value, steps }) => ({ value, steps: rated(steps) }));
  made.sort((a, b) => b.steps[0].members - a.steps[0].members);
  const rest = notDrawn(made.slice(MOST).map((one) => one.value));
  if (rest) panel.note(rest);
  const open = new Set(body.rows.filter((_, place) => body.states[place] === "provisional").map((row) => row[bucket])).size;
  noteWithheld(panel, body.rows, ["members"], ", and not in the sums");
  if (open) panel.note(`Hatched: members of ${locale.count(open)} ${open === 1 ? "bucket" : "buckets"} that can still get further.`);
  if (made.some((one) => one.steps.some((step) => step.p50 && step.p50[0] !== step.p50[1]))) {
    panel.note("Times to convert are those of single buckets, from the lowest to the highest: they don't add up.");
  }
  return { body, own, groups: made.slice(0, MOST) };
}

function add(steps, row, open) {
  const one = steps.get(row.step) ?? { name: row.step_name ?? `Any ${row.step}`, members: 0, open: 0, p50: null, p90: null };
  one.members += row.members ?? 0;
  if (open) one.open += row.members ?? 0;
  one.p50 = span(one.p50, row.seconds_p50);
  one.p90 = span(one.p90, row.seconds_p90);
  steps.set(row.step, one);
}

const span = (known, value) => (value === null || value === undefined ? known : known ? [Math.min(known[0], value), Math.max(known[1], value)] : [value, value]);

/** Return the steps in their order, each with its share of the first one and of the one before. */
function rated(steps) {
  const listed = [...steps].sort(([a], [b]) => a - b).map(([, one]) => one);
  const share = (a, b) => (b > 0 ? a / b : null);
  return listed.map((one, place) => ({
    ...one,
    rate: share(one.members, listed[0].members),
    stepRate: place ? share(one.members, listed[place - 1].members) : null,
  }));
}

export function draw(host, { groups, own }, panel) {
  if (groups.length === 0) {
    host.replaceChildren(h("p", { class: "empty" }, "Nobody began in this range."));
    return;
  }
  host.replaceChildren(...groups.map((one) => group(one, own, panel)));
}

function group({ value, steps }, own, panel) {
  const [first, last] = [steps[0], steps.at(-1)];
  const words = `${locale.count(first.members)} entered, ${locale.count(last.members)} converted: ${locale.write(last.rate, RATE)}`;
  return h("div", { class: "funnel" },
    h("p", { class: "funnel-total" }, own ? h("strong", {}, nameOf(value)) : null, h("span", {}, words, times(last))),
    h("ol", { class: "funnel-steps", "aria-label": own ? `${panel.spec.title} of ${nameOf(value)}` : panel.spec.title }, steps.map(bar)));
}

function bar(step, place) {
  return h("li", { class: "funnel-step" },
    h("span", { class: "funnel-name" }, locale.words(step.name)),
    h("span", { class: "funnel-bar", vars: { "--share": String(step.rate ?? 0), "--open": String(step.members ? step.open / step.members : 0) }, "aria-hidden": "true" },
      h("span", { class: "funnel-fill" }, h("span", { class: "funnel-open" }))),
    h("span", { class: "number" }, locale.count(step.members)),
    h("span", { class: "number" }, locale.write(step.rate, RATE)),
    place ? h("span", { class: "soft" }, `${locale.write(step.stepRate, RATE)} of the step before`, times(step)) : h("span", { class: "soft" }, "entered"));
}

/** Return how long it took, of the buckets. */
function times({ p50, p90 }) {
  const written = (range) => (range[0] === range[1] ? locale.write(range[0], TIME) : `${locale.write(range[0], TIME)} to ${locale.write(range[1], TIME)}`);
  return p50 ? h("span", { class: "soft" }, `, ${locale.write(0.5, RATE)} within ${written(p50)}${p90 ? `, ${locale.write(0.9, RATE)} within ${written(p90)}` : ""}`) : null;
}

/** Return each bucket and step. */
export function table({ body }, panel) {
  const { bucket, measures, dimensions } = panel.spec;
  const { name, zone } = panel.asked;
  const columns = [
    { title: locale.words(bucket), write: (text) => locale.bucket(new Date(text), name, zone) },
    ...dimensions.map((one) => ({ title: one.title, write: nameOf })),
    { title: "Step", write: locale.words },
    ...measures.map((one) => ({ title: one.title, measure: one })),
  ];
  const rows = body.rows.map((row) => [row[bucket], ...dimensions.map((one) => row[one.name]), row.step_name ?? `Any ${row.step}`, ...measures.map((one) => row[one.name])]);
  return { columns, rows, states: body.states };
}
