// Ranges and lengths of buckets: what the reader chose, as the service is asked for it.

const DAY = 86_400_000;
const SECONDS = { hour: 3600, day: 86_400, week: 604_800, month: 2_678_400 };

export const RANGES = [
  ["today", "Today"], ["yesterday", "Yesterday"], ["24h", "Last 24 hours"], ["7d", "Last 7 days"],
  ["30d", "Last 30 days"], ["90d", "Last 90 days"], ["365d", "Last 365 days"], ["week", "This week"],
  ["last-week", "Last week"], ["month", "This month"], ["last-month", "Last month"],
];
export const LENGTHS = [["auto", "Automatic"], ["hour", "Hour"], ["day", "Day"], ["week", "Week"], ["month", "Month"]];
export const OWN_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

const iso = (at) => at.toISOString().slice(0, 10);

/** Return today's date in a time zone, as the midnight of UTC that has the same name. */
function today(zone) {
  const parts = new Intl.DateTimeFormat("en-CA", { timeZone: zone, dateStyle: "short" }).format(new Date());
  return new Date(`${parts}T00:00:00Z`);
}

const back = (at, days) => new Date(at.getTime() - days * DAY);

/** Return the first and last day of a range, as dates; `null` for one that is not made of days. */
export function days(range, zone) {
  const now = today(zone);
  const monday = back(now, (now.getUTCDay() + 6) % 7);
  const first = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1));
  const found = {
    today: [now, now],
    yesterday: [back(now, 1), back(now, 1)],
    week: [monday, now],
    "last-week": [back(monday, 7), back(monday, 1)],
    month: [first, now],
    "last-month": [new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1, 1)), back(first, 1)],
  }[range];
  if (found) return found.map(iso);
  const counted = /^([1-9]\d{0,3})d$/.exec(range);
  if (counted) return [iso(back(now, Number(counted[1]) - 1)), iso(now)];
  const own = /^(\d{4}-\d\d-\d\d),(\d{4}-\d\d-\d\d)$/.exec(range);
  return own ? [own[1], own[2]] : null;
}

/** Return the `between` of a range. */
export function between(range, zone) {
  return days(range, zone)?.join(",") ?? range;
}

/** Return how many days a range has. */
export function length(range, zone) {
  const found = days(range, zone);
  if (found) return (Date.parse(found[1]) - Date.parse(found[0])) / DAY + 1;
  const hours = /^(\d+)h$/.exec(range);
  if (hours) return Number(hours[1]) / 24;
  const [start, end] = range.split(",").map(Date.parse);
  return (end - start) / DAY || 30;
}

/** Return the name of a range for people. */
export function rangeName(range, zone, write) {
  const known = RANGES.find(([name]) => name === range);
  if (known) return known[1];
  const found = days(range, zone);
  if (!found) return range;
  return found[0] === found[1] ? write(found[0]) : `${write(found[0])} to ${write(found[1])}`;
}

/** Return what an aggregate with such buckets can be asked: its `granularity` and `time_zone`, and what to call them. */
export function asked(bucket, { by, range, zone }) {
  const span = length(range, zone);
  const wanted = by === "auto" ? (span <= 3 ? "hour" : span <= 120 ? "day" : span <= 800 ? "week" : "month") : by;
  const wide = bucket.width >= SECONDS.day;
  const own = wanted === "bucket" || SECONDS[wanted] <= bucket.width;
  return {
    granularity: own ? "bucket" : wanted,
    name: own ? lengthName(bucket) : wanted,
    zone: wide ? (bucket.time_zone ?? "UTC") : zone,
    sent: wide ? null : zone,
    finer: own && SECONDS[wanted] < bucket.width && by !== "auto",
  };
}

/** Return the name of an aggregate's own buckets. */
export function lengthName({ unit, width }) {
  if (unit) return unit;
  const named = Object.entries(SECONDS).find(([, seconds]) => seconds === width);
  return named ? named[0] : width % 60 === 0 ? `${width / 60} minutes` : `${width} seconds`;
}

/** Whether a range includes the present, so that its numbers still change. */
export function isLive(range, zone) {
  const found = days(range, zone);
  if (!found) return !range.includes(",") || Date.parse(range.split(",")[1]) > Date.now();
  return found[1] >= iso(today(zone));
}

/** Whether a browser knows a time zone. */
export function isZone(name) {
  try {
    return Boolean(new Intl.DateTimeFormat("en", { timeZone: name }));
  } catch {
    return false;
  }
}
