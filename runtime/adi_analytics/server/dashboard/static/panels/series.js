// Measures over time: a line for each, or one measure with a line for each of a dimension's largest values.

import * as lines from "./lines.js";

export const size = "half";
const MOST = 6;

/** Return the dimensions to choose from, the usual first; `""` is none. Some measures have no value without theirs. */
function dimensions({ spec }) {
  if (spec.granularity === "bucket") return [spec.by ?? ""];
  const others = spec.dimensions.map((one) => one.name).filter((name) => name !== spec.by);
  return [...(spec.by ? [spec.by] : []), "", ...others];
}

const by = (panel) => panel.choice("by", dimensions(panel));
const measureOf = (panel) => {
  const name = panel.choice("measure", panel.spec.measures.map((one) => one.name));
  return panel.spec.measures.find((one) => one.name === name);
};

export function controls(panel) {
  const { measures } = panel.spec;
  const titles = new Map(panel.spec.dimensions.map((one) => [one.name, one.title]));
  const known = dimensions(panel);
  return [
    by(panel) && measures.length > 1 ? lines.choice(panel, "Show", "measure", measures.map((one) => [one.name, one.title])) : null,
    known.length > 1 ? lines.choice(panel, "By", "by", known.map((name) => [name, name ? titles.get(name) ?? name : "nothing"])) : null,
  ].filter(Boolean);
}

export async function load(panel) {
  const dimension = by(panel);
  if (!dimension) {
    const names = panel.spec.measures.map((one) => one.name).join(",");
    const compare = panel.spec.measures.length === 1 ? undefined : "none";
    const body = await panel.ask([["measures", names], ["totals", "false"], ...panel.question({ compare })]);
    return lines.byMeasure(body, panel.spec.measures);
  }
  const measure = measureOf(panel);
  const grouped = [["measures", measure.name], ["dimensions", dimension], ["totals", "false"]];
  if (panel.spec.granularity === "bucket") {
    const body = await panel.ask([...grouped, ...panel.question({ compare: "none" })]);
    const values = largestOf(body.rows, dimension, measure.name);
    return { ...lines.byValue(body, measure, dimension, values.slice(0, MOST)), rest: lines.notDrawn(values.slice(MOST)) };
  }
  const order = [["order_by", `-${measure.name}`], ["limit", String(MOST + lines.NAMED)]];
  const largest = await panel.ask([...grouped, ...order, ...panel.question({ granularity: "total", compare: "none" })], { main: false });
  const values = largest.rows.map((row) => row[dimension]);
  const shown = values.slice(0, MOST);
  const body = await panel.ask([...grouped, ...narrowed(panel, dimension, shown)]);
  return { ...lines.byValue(body, measure, dimension, shown), rest: lines.notDrawn(values.slice(MOST), Boolean(largest.next)) };
}

/** Return the values of a dimension from the largest to the smallest, where there is no value over the whole range. */
function largestOf(rows, dimension, measure) {
  const most = new Map();
  for (const row of rows) most.set(row[dimension], Math.max(most.get(row[dimension]) ?? 0, row[measure] ?? 0));
  return [...most].sort(([, a], [, b]) => b - a).map(([value]) => value);
}

/** Return the question with only these values of the dimension; a row without a value can't be listed with others. */
function narrowed(panel, dimension, values) {
  const kept = panel.question({ compare: "none" });
  if (values.includes(null) || values.length === 0) return kept;
  return [...kept.filter(([name]) => name !== `filter.${dimension}`), ...values.map((value) => [`filter.${dimension}`, String(value)])];
}

export function draw(host, found, panel) {
  lines.draw(host, found, panel, { rest: found.rest });
}

export const { table } = lines;
