// Percentiles of one thing over time: lines, and the space between the lowest and the highest filled.

import * as locale from "../locale.js";
import { nameOf } from "./lines.js";
import * as lines from "./lines.js";

export const size = "half";
const MOST = 100;

const dimensions = (panel) => panel.spec.dimensions.map((one) => one.name);
const chosen = (panel) => panel.choice("by", ["", ...dimensions(panel)]);

export function controls(panel) {
  const options = panel.spec.dimensions.map((one) => [one.name, one.title]);
  if (options.length === 0) return [];
  const dimension = chosen(panel);
  const values = panel.kept.values ?? [];
  return [
    lines.choice(panel, "Of", "by", [["", "all"], ...options]),
    dimension && values.length ? lines.choice(panel, "", "value", values.map((value) => [value, nameOf(value)])) : null,
  ].filter(Boolean);
}

export async function load(panel) {
  const names = panel.spec.measures.map((one) => one.name).join(",");
  const question = [["measures", names], ["totals", "false"], ...panel.question({ compare: "none" })];
  const dimension = chosen(panel);
  panel.kept.values = dimension ? await valuesOf(panel, dimension) : [];
  const value = dimension && panel.kept.values.length ? panel.choice("value", panel.kept.values) : null;
  const others = value === null ? question : question.filter(([name]) => name !== `filter.${dimension}`);
  const body = await panel.ask(value === null ? question : [...others, [`filter.${dimension}`, value]]);
  return lines.byMeasure(body, panel.spec.measures);
}

async function valuesOf(panel, dimension) {
  const last = panel.spec.measures.at(-1).name;
  const asked = [["measures", last], ["dimensions", dimension], ["totals", "false"], ["order_by", `-${last}`], ["limit", String(MOST)]];
  const body = await panel.ask([...asked, ...panel.question({ granularity: "total", compare: "none" })], { main: false });
  if (body.next) panel.note(`To choose from are the ${locale.count(MOST)} with the largest values.`);
  return body.rows.map((row) => row[dimension]).filter((value) => value !== null).map(String);
}

export function draw(host, found, panel) {
  const drawn = found.series.filter((one) => !one.before);
  lines.draw(host, { ...found, series: drawn }, panel, { band: drawn.length > 1 ? [drawn.length - 1, 0] : null });
}

export const table = (found, panel) => lines.table(found, panel);
