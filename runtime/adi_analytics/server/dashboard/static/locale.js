// Numbers and times, as the reader's locale writes them.

const LOCALES = (navigator.languages ?? []).filter(known);
const made = new Map();

function known(locale) {
  try {
    return Intl.getCanonicalLocales(locale).length > 0;
  } catch {
    return false; // such as en-US@posix
  }
}

function formatter(kind, options) {
  const key = `${kind.name}${JSON.stringify(options)}`;
  if (!made.has(key)) made.set(key, new kind(LOCALES, options));
  return made.get(key);
}

const number = (value, options) => formatter(Intl.NumberFormat, options).format(value);
const date = (value, options) => formatter(Intl.DateTimeFormat, options).format(value);

/** What stands for a value that is not there. */
export const NOTHING = "–";

const DURATIONS = [[1, "microsecond", 0.001], [1000, "millisecond", 1], [60_000, "second", 1000], [3_600_000, "minute", 60_000],
  [172_800_000, "hour", 3_600_000], [Infinity, "day", 86_400_000]];
const MILLISECONDS = { duration_us: 0.001, duration_ms: 1, duration_s: 1000, duration_min: 60_000, duration_h: 3_600_000 };
const SIZES = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000,
  3_600_000, 7_200_000, 21_600_000, 43_200_000, 86_400_000, 172_800_000, 432_000_000, 864_000_000, 4_320_000_000];

/** Return round distances between values of a measure, if it is a duration; they are not those of decimal numbers. */
export function steps({ format }) {
  return format in MILLISECONDS ? STEPS.map((ms) => ms / MILLISECONDS[format]) : null;
}

function duration(ms, options) {
  const [, unit, by] = ms === 0 ? DURATIONS[1] : DURATIONS.find(([below]) => Math.abs(ms) < below);
  return number(ms / by, { style: "unit", unit, maximumSignificantDigits: 3, ...options });
}

function size(bytes) {
  const step = Math.min(SIZES.length - 1, Math.max(0, Math.floor(Math.log10(Math.abs(bytes) || 1) / 3)));
  return number(bytes / 1000 ** step, { style: "unit", unit: SIZES[step], maximumSignificantDigits: 3 });
}

function plain(value, unit, options) {
  const whole = Number.isInteger(value);
  const digits = options.notation ? options : { maximumFractionDigits: whole ? 0 : Math.abs(value) < 1 ? 4 : 2, ...options };
  if (/^[A-Z]{3}$/.test(unit ?? "")) {
    return number(value, { style: "currency", currency: unit, currencyDisplay: "narrowSymbol", ...digits, minimumFractionDigits: 0 });
  }
  return unit && !options.notation ? `${number(value, digits)} ${unit}` : number(value, digits);
}

/** Write a value of a measure; `short` for an axis. */
export function write(value, measure, { short = false } = {}) {
  if (value === null || value === undefined) return NOTHING;
  if (typeof value === "boolean") return value ? "true" : "false";
  if (typeof value !== "number") return String(value);
  const options = short ? { notation: "compact", maximumSignificantDigits: 3 } : {};
  const { format } = measure;
  if (format in MILLISECONDS) return duration(value * MILLISECONDS[format], short ? { unitDisplay: "narrow" } : {});
  switch (format) {
    case "percent": return number(value, { style: "percent", maximumFractionDigits: short ? 0 : 1 });
    case "bytes": return size(value, {});
    default: return plain(value, measure.unit, options);
  }
}

/** Write how much a value changed, as a share of what it was; `null` if that can't be told. */
export function change(now, before) {
  if (typeof now !== "number" || typeof before !== "number" || before === 0) return null;
  const share = (now - before) / Math.abs(before);
  const digits = Math.abs(share) < 0.1 ? 1 : 0;
  return { share, text: number(share, { style: "percent", signDisplay: "exceptZero", maximumFractionDigits: digits }) };
}

/** Write a whole number. */
export const count = (value) => number(value, { maximumFractionDigits: 0 });

/** Write the time of a bucket. */
export function bucket(at, granularity, timeZone) {
  const day = { timeZone, day: "numeric", month: "short", year: "numeric" };
  switch (granularity) {
    case "month": return date(at, { timeZone, month: "long", year: "numeric" });
    case "week": return `week of ${date(at, day)}`;
    case "day": return date(at, { ...day, weekday: "short" });
    default: return date(at, { ...day, year: undefined, weekday: "short", hour: "2-digit", minute: "2-digit" });
  }
}

/** Write the places of an axis of time: where the day, or the year, is new, it says that. */
export function ticks(moments, granularity, timeZone) {
  const hours = moments.length > 1 && moments[1] - moments[0] < 86_400_000;
  return moments.map((at, place) => {
    const day = date(at, { timeZone, day: "numeric", month: "short" });
    if (granularity === "month") return date(at, { timeZone, month: "short", year: "2-digit" });
    if (!hours) return day;
    const new_ = place === 0 || day !== date(moments[place - 1], { timeZone, day: "numeric", month: "short" });
    const time = date(at, { timeZone, hour: "2-digit", minute: "2-digit" });
    return new_ ? `${time}\n${day}` : time;
  });
}

/** Write a moment: today's by its time alone. */
export function moment(at, timeZone) {
  const day = { timeZone, day: "numeric", month: "short" };
  const time = { timeZone, hour: "2-digit", minute: "2-digit" };
  return date(at, date(at, day) === date(new Date(), day) ? time : { ...day, ...time });
}

/** Write a day, such as `2026-01-31`. */
export function day(text) {
  return date(new Date(`${text}T00:00:00Z`), { timeZone: "UTC", day: "numeric", month: "short", year: "numeric" });
}

/** Return a name of the catalog as words: `error_5xx_count` is `Error 5xx count`. */
export function words(name) {
  const text = String(name).replace(/^\$/, "").replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
