// Lines over time. The only module that knows uPlot; it adds what uPlot lacks: a cursor for the keyboard, a live
// region, dashes beside colours, colours of the theme, and buckets that are not final drawn as such.

import { h, say, svg } from "./dom.js";
import * as locale from "./locale.js";
import { onTheme, token } from "./theme.js";

const loaded = import("./vendor/uplot/uPlot.esm.js").then((module) => module.default);
const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3], [5, 2], [1, 4]];
const HEIGHT = 220;

/** Return the colour and dash of the series at a place; a series of the period before is grey. */
const colour = (series, place) => token(series.before ? "--before" : `--series-${(place % 8) + 1}`);
const dash = (series, place) => (series.before ? [3, 4] : DASHES[place % DASHES.length]);

/** Make the sample of a line, for a legend. */
export function sample(series, place) {
  const line = svg("line", { x1: 0, y1: 5, x2: 24, y2: 5, "stroke-dasharray": dash(series, place).join(" ") || null });
  const tone = series.before ? "--before" : `--series-${(place % 8) + 1}`;
  return svg("svg", { viewBox: "0 0 24 10", class: "sample", vars: { "--tone": `var(${tone})` }, "aria-hidden": "true" }, line);
}

/** Make the sample of a bucket that is not over, for a legend. */
export function openSample() {
  return svg("svg", { viewBox: "0 0 24 10", class: "sample", vars: { "--tone": "var(--ink-soft)" }, "aria-hidden": "true" },
    svg("line", { x1: 0, y1: 5, x2: 24, y2: 5, "stroke-dasharray": "2 4" }));
}

/**
 * A chart in `host`. What it shows is given to `show`:
 * `{ label, times, series, states, granularity, zone, measure, band, onSelect }`. `times` are seconds; each series has
 * `name`, `values`, `measure` (how its values are written), and `before` if it is the period before; `band` names the
 * places of an upper and a lower series, with the space between them filled.
 */
export class Chart {
  #plot = null;
  #given = null;
  #hidden = new Set();
  #place = null;

  constructor(host) {
    this.host = host;
    this.tip = h("div", { class: "tip", hidden: true });
    this.frame = h("div", {
      class: "chart", tabindex: 0, role: "group", "aria-roledescription": "chart", onkeydown: (event) => this.#key(event),
      onblur: () => this.#leave(),
    });
    host.append(this.frame);
    this.sizes = new ResizeObserver(() => this.#resize());
    this.sizes.observe(this.frame);
    this.endTheme = onTheme(() => {
      this.#resize(); // the way to paper tells no ResizeObserver
      this.#plot?.redraw(false);
    });
  }

  /** The arrays that are plotted: times, then each series. */
  get data() {
    return this.#plot?.data ?? null;
  }

  /** Draw; if only values differ from what is drawn, nothing moves. */
  async show(given) {
    const same = this.#given && shape(given) === shape(this.#given);
    this.#given = given;
    this.frame.setAttribute("aria-label", `${given.label}. Arrow keys move from point to point.`);
    const data = [given.times, ...given.series.map((series) => series.values)];
    if (same && this.#plot) this.#plot.setData(data);
    else await this.#build(data);
  }

  /** Show or hide a series. */
  toggle(place) {
    if (this.#hidden.has(place)) this.#hidden.delete(place);
    else this.#hidden.add(place);
    this.#plot?.setSeries(place + 1, { show: !this.#hidden.has(place) });
    return !this.#hidden.has(place);
  }

  /** Take the chart away. */
  end() {
    this.sizes.disconnect();
    this.endTheme();
    this.#plot?.destroy();
    this.#plot = null;
  }

  async #build(data) {
    const uPlot = await loaded;
    this.#plot?.destroy();
    this.#hidden.clear();
    this.#place = null;
    this.#plot = new uPlot(this.#options(uPlot), data, this.frame);
    this.#plot.over.append(this.tip);
    this.frame.plot = this; // for tests and for the console
  }

  #options(uPlot) {
    const { series, times, zone, measure, granularity, band, onSelect } = this.#given;
    const axis = { stroke: () => token("--ink-soft"), grid: { stroke: () => token("--grid"), width: 1 }, ticks: { show: false },
      font: "12px system-ui, sans-serif" };
    return {
      width: Math.max(this.frame.clientWidth, 200), height: HEIGHT, padding: [10, 22, 0, 0], legend: { show: false },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
      cursor: { y: false, drag: { x: Boolean(onSelect), y: false, setScale: false }, points: { size: 7 } },
      scales: { x: { range: (_, low, high) => (low === high ? [low - 43_200, high + 43_200] : [low, high]) },
        y: { range: (_, low, high) => extent(low, high) } },
      axes: [
        { ...axis, ...places(times, granularity), grid: { show: false }, size: (_, texts) => (texts?.some((text) => text.includes("\n")) ? 40 : 26), space: 70, gap: 6,
          values: (_, places) => locale.ticks(places.map((at) => at * 1000), granularity, zone) },
        { ...axis, size: (plot, texts) => width(plot, texts), gap: 6, space: 36, ...steps(measure),
          values: (_, places) => places.map((value) => locale.write(value, measure, { short: true })) },
      ],
      series: [{}, ...series.map((one, place) => this.#line(uPlot, one, place))],
      bands: band ? [{ series: [band[0] + 1, band[1] + 1], fill: () => token("--band") }] : [],
      hooks: {
        drawClear: [(plot) => this.#hatch(plot)],
        draw: [(plot) => this.#open(plot)],
        setCursor: [(plot) => this.#moved(plot)],
        setSelect: [(plot) => this.#selected(plot)],
      },
    };
  }

  #line(uPlot, series, place) {
    const linear = uPlot.paths.linear();
    return {
      label: series.name, width: series.before ? 1.25 : 1.75, dash: dash(series, place), spanGaps: false,
      stroke: () => colour(series, place),
      fill: this.#given.series.filter((one) => !one.before).length === 1 && !series.before && !this.#given.band
        ? () => token("--area") : undefined,
      points: { show: true, size: 5, stroke: () => colour(series, place), fill: () => colour(series, place), filter: () => alone(series.values) },
      // What is not final is drawn apart, by #open.
      paths: (plot, index, from, to) => linear(plot, index, from, Math.max(from, Math.min(to, this.#last()))),
    };
  }

  /** Return the place of the last final bucket before those at the end that are not over. */
  #last() {
    const { states } = this.#given;
    let last = states.length - 1;
    while (last >= 0 && states[last] === "provisional") last -= 1;
    return last;
  }

  /** Draw the way to buckets that are not over, dashed. */
  #open(plot) {
    const from = Math.max(0, this.#last());
    const { times, series } = this.#given;
    if (from >= times.length - 1) return;
    const { ctx } = plot;
    ctx.save();
    ctx.lineWidth = 1.75 * devicePixelRatio;
    ctx.setLineDash([2 * devicePixelRatio, 4 * devicePixelRatio]);
    series.forEach((one, place) => {
      if (this.#hidden.has(place) || one.before) return;
      ctx.strokeStyle = colour(one, place);
      ctx.beginPath();
      for (let at = from; at < times.length; at += 1) {
        if (one.values[at] !== null) ctx.lineTo(plot.valToPos(times[at], "x", true), plot.valToPos(one.values[at], "y", true));
      }
      ctx.stroke();
    });
    ctx.restore();
  }

  /** Hatch the buckets that are not final. */
  #hatch(plot) {
    const { states, times } = this.#given;
    states.forEach((state, at) => {
      if (state === "final") return;
      const before = plot.valToPos(times[Math.max(0, at - 1)], "x", true);
      const here = plot.valToPos(times[at], "x", true);
      const start = at === 0 ? plot.bbox.left : before;
      hatch(plot, start, at === 0 && times.length === 1 ? plot.bbox.left + plot.bbox.width : here, state);
    });
  }

  #resize() {
    const { clientWidth } = this.frame;
    if (this.#plot && clientWidth && clientWidth !== this.#plot.width) this.#plot.setSize({ width: clientWidth, height: HEIGHT });
  }

  #moved(plot) {
    const place = plot.cursor.idx;
    if (place === null || place === undefined || plot.cursor.left < 0) {
      this.tip.hidden = true;
      this.#place = null;
      return;
    }
    const { left } = plot.cursor;
    if (place !== this.#place) {
      this.#place = place;
      this.tip.replaceChildren(...this.#lines(place));
      this.tip.hidden = false;
    }
    const right = left > plot.over.clientWidth / 2;
    this.tip.style.transform = `translate(${right ? left - 14 : left + 14}px, 8px)${right ? " translateX(-100%)" : ""}`;
  }

  #values(place) {
    return this.#given.series
      .map((series, index) => ({ series, index, text: locale.write(series.values[place], series.measure) }))
      .filter(({ index }) => !this.#hidden.has(index));
  }

  #when(place) {
    return locale.bucket(new Date(this.#given.times[place] * 1000), this.#given.granularity, this.#given.zone);
  }

  #lines(place) {
    const state = this.#given.states[place];
    return [
      h("div", { class: "tip-time" }, this.#when(place), state === "final" ? null : h("span", { class: "tip-state" }, ` ${state}`)),
      ...this.#values(place).map(({ series, index, text }) =>
        h("div", { class: "tip-line" }, sample(series, index), h("span", {}, series.name), h("b", {}, text))),
    ];
  }

  #key(event) {
    if (!this.#plot) return;
    const last = this.#given.times.length - 1;
    const here = this.#place ?? last + 1;
    const next = { ArrowLeft: here - 1, ArrowRight: this.#place === null ? 0 : here + 1, Home: 0, End: last }[event.key];
    if (event.key === "Escape") this.#leave();
    if (next === undefined || last < 0) return;
    event.preventDefault();
    const place = Math.max(0, Math.min(last, next));
    this.#plot.setCursor({ left: this.#plot.valToPos(this.#given.times[place], "x"), top: 1 });
    const state = this.#given.states[place] === "final" ? "" : `, ${this.#given.states[place]}`;
    say(`${this.#when(place)}${state}: ${this.#values(place).map(({ series, text }) => `${series.name} ${text}`).join(", ")}`);
  }

  #leave() {
    this.#plot?.setCursor({ left: -10, top: -10 });
  }

  #selected(plot) {
    const { left, width: wide } = plot.select;
    if (wide < 8) return;
    const [from, to] = [left, left + wide].map((x) => plot.posToVal(x, "x"));
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.#given.onSelect?.(from, to);
  }
}

function shape({ series, times, zone, granularity, measure, band, states }) {
  const open = states.findLastIndex((state) => state === "final") < states.length - 1;
  return JSON.stringify([series.map(({ name, before }) => [name, before]), zone, granularity, measure, band, open]);
}

/** Return the range of the axis of values: from 0, and some space above. */
function extent(low, high) {
  if (low === null || high === null || (low === 0 && high === 0)) return [0, 1];
  const space = (Math.max(high, 0) - Math.min(low, 0)) * 0.08;
  return [low < 0 ? low - space : 0, high > 0 ? high + space : 0];
}

/** Return the places of values that have no neighbour, which no line shows. */
function alone(values) {
  const there = (at) => values[at] !== null && values[at] !== undefined;
  return values.map((_, at) => at).filter((at) => there(at) && !there(at - 1) && !there(at + 1));
}

/** Return where an axis of time has marks: of few days or longer buckets at each, else where uPlot has them. */
function places(times, granularity) {
  return ["day", "week", "month"].includes(granularity) && times.length <= 8 ? { splits: () => times } : {};
}

/** Return the distances that an axis of such values may have, if they are not those of decimal numbers. */
function steps(measure) {
  const found = locale.steps(measure);
  return found ? { incrs: found } : {};
}

function width(plot, texts) {
  const longest = (texts ?? []).reduce((most, text) => (text && text.length > most.length ? text : most), "");
  if (!longest) return 44;
  plot.ctx.font = "12px system-ui, sans-serif";
  return Math.ceil(plot.ctx.measureText(longest).width) + 16;
}

function hatch(plot, start, end, state) {
  const { ctx, bbox } = plot;
  const step = (state === "incomplete" ? 6 : 9) * devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(start, bbox.top, end - start, bbox.height);
  ctx.clip();
  ctx.strokeStyle = token("--hatch");
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  const first = Math.floor((start - bbox.height) / step) * step; // so that neighbours' lines meet
  for (let x = first; x < end; x += step) {
    ctx.moveTo(x, bbox.top + bbox.height);
    ctx.lineTo(x + bbox.height, bbox.top);
  }
  ctx.stroke();
  ctx.restore();
}
