// Lifecycle: stacked bars of who came, by how they came; below zero those who did not come again.

import { h, say } from "../dom.js";
import * as locale from "../locale.js";
import { noteWithheld } from "./people.js";

export const size = "full";
const BELOW = "dormant_members";

export async function load(panel) {
  const body = await panel.ask(panel.question());
  const { bucket, measures } = panel.spec;
  const parts = measures.filter((one) => one.name !== BELOW);
  const below = measures.find((one) => one.name === BELOW);
  const sum = (row) => parts.reduce((total, one) => total + (row[one.name] ?? 0), 0);
  const high = Math.max(1, ...body.rows.map(sum));
  const low = below ? Math.max(0, ...body.rows.map((row) => row[below.name] ?? 0)) : 0;
  noteWithheld(panel, body.rows, measures.map((one) => one.name));
  return { body, bucket, parts, below, high, low, bars: spread(body, bucket, panel.spec.buckets.width * 1000) };
}

/** Return the rows with their states, and nothing for each bucket between them that has no row. */
function spread(body, bucket, width) {
  const bars = [];
  body.rows.forEach((row, place) => {
    const gap = place ? Math.round((Date.parse(row[bucket]) - Date.parse(body.rows[place - 1][bucket])) / width) - 1 : 0;
    for (let missing = 0; missing < gap; missing += 1) bars.push(null);
    bars.push({ row, state: body.states[place] });
  });
  return bars;
}

export function draw(host, found, panel) {
  const { body, parts, below, high, low } = found;
  if (body.rows.length === 0) {
    host.replaceChildren(h("p", { class: "empty" }, "Nobody came in this range."));
    return;
  }
  const all = below ? [...parts, below] : parts;
  const bars = h("div", { class: "stacks", vars: { "--above": String(high), "--below": String(low) } }, found.bars.map((one) => (one ? stack(one, found) : h("span", { class: "stack none" }))));
  const told = h("p", { class: "stack-told" });
  const frame = h("div", { class: "chart", tabindex: 0, role: "group", "aria-roledescription": "chart", "aria-details": panel.details.id,
    "aria-label": `${panel.spec.title}. Arrow keys move from bar to bar.` },
  h("div", { class: "stack-scale", "aria-hidden": "true" }, h("span", {}, locale.write(high, {}, { short: true })), h("span", {}, low ? locale.write(-low, {}, { short: true }) : "0")),
  bars);
  listen(frame, bars, told, found, panel);
  const legend = h("ul", { class: "legend" }, all.map((one, place) => h("li", {}, h("span", { class: `swatch part-${place + 1}`, "aria-hidden": "true" }), one.title)));
  host.replaceChildren(frame, told, legend);
}

function stack({ row, state }, { parts, below }) {
  const piece = (one, place) => h("span", { class: `part part-${place + 1}`, vars: { "--value": String(row[one.name] ?? 0) } });
  return h("span", { class: state === "final" ? "stack" : `stack ${state}` },
    h("span", { class: "stack-above" }, [...parts].map(piece).reverse()),
    below ? h("span", { class: "stack-below" }, piece(below, parts.length)) : null);
}

/** Say what is in the bar below the pointer, or the one that the arrow keys are at. */
function listen(frame, bars, told, found, panel) {
  const { bucket, parts, below } = found;
  const { name, zone } = panel.asked;
  let here = null;
  const text = (place) => {
    if (!found.bars[place]) return "Nobody came, and nobody stayed away";
    const { row, state: known } = found.bars[place];
    const state = known === "final" ? "" : `, ${known}`;
    const values = [...parts, ...(below ? [below] : [])].map((one) => `${one.title} ${locale.write(row[one.name], one)}`);
    return `${locale.bucket(new Date(row[bucket]), name, zone)}${state}: ${values.join(", ")}`;
  };
  const move = (place) => {
    bars.children[here]?.classList.remove("here");
    here = place;
    bars.children[here]?.classList.add("here");
    told.textContent = here === null ? "" : text(here);
  };
  frame.addEventListener("pointermove", (event) => {
    const place = [...bars.children].indexOf(event.target.closest(".stack"));
    if (place >= 0 && place !== here) move(place);
  });
  frame.addEventListener("pointerleave", () => move(null));
  frame.addEventListener("blur", () => move(null));
  frame.addEventListener("keydown", (event) => {
    const last = found.bars.length - 1;
    const next = { ArrowLeft: here === null ? last : here - 1, ArrowRight: here === null ? 0 : here + 1, Home: 0, End: last }[event.key];
    if (event.key === "Escape") move(null);
    if (next === undefined) return;
    event.preventDefault();
    move(Math.max(0, Math.min(last, next)));
    say(text(here));
  });
}

export function table({ body, bucket }, panel) {
  const { measures } = panel.spec;
  const { name, zone } = panel.asked;
  const columns = [{ title: locale.words(bucket), write: (text) => locale.bucket(new Date(text), name, zone) }, ...measures.map((one) => ({ title: one.title, measure: one }))];
  return { columns, rows: body.rows.map((row) => [row[bucket], ...measures.map((one) => row[one.name])]), states: body.states };
}
