/** A line of a log: its time, and the values of its fields. */

/** Where a time is looked for: at the beginning. */
const HEAD = 64;
const ISO = /\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d+)?(?:Z|[+-]\d{2}:?\d{2})?/;
/** Of Apache and nginx: [10/Oct/2026:13:55:36 +0200] */
const COMMON_LOG = /\[(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}:\d{2}:\d{2}) ([+-]\d{2})(\d{2})\]/;
const UNIX = /^\[?(\d{10})(\d{3})?(?:\.\d+)?\b/;
const JSON_TIME = /"(?:time|ts|timestamp|@timestamp)"\s*:\s*(?:"([^"]{10,40})"|(\d{10})(\d{3})?\b)/;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** ms since 1970; undefined: the line says none. A time without a zone is UTC. */
export function timeOf(line: string): number | undefined {
  if (line.startsWith("{")) return timeOfJson(line);
  const unix = UNIX.exec(line);
  if (unix) return asTime(unix[1], unix[2]);
  const iso = ISO.exec(line.slice(0, HEAD))?.[0];
  if (iso !== undefined) return parsed(iso);
  const common = COMMON_LOG.exec(line.slice(0, HEAD * 4));
  if (!common) return undefined;
  const [, day, month = "", year, time, hours, minutes] = common;
  const number = String(MONTHS.indexOf(month) + 1).padStart(2, "0");
  return parsed(`${year}-${number}-${day}T${time}${hours}:${minutes}`);
}

function timeOfJson(line: string): number | undefined {
  const found = JSON_TIME.exec(line);
  if (!found) return undefined;
  const [, text, seconds, thousandths] = found;
  return text === undefined ? asTime(seconds, thousandths) : parsed(text);
}

const asTime = (seconds: string | undefined, thousandths = "000") => Number(`${seconds}${thousandths}`);

function parsed(text: string): number | undefined {
  const normal = text.replace(" ", "T").replace(",", ".");
  const time = Date.parse(/(?:Z|[+-]\d{2}:?\d{2})$/.test(normal) ? normal : `${normal}Z`);
  return Number.isNaN(time) ? undefined : time;
}

/** The value of a field: of a JSON object by its path (`http.status`), else of `field=value` or `field="a value"`. */
export function fieldOf(line: string, field: string): string | undefined {
  if (!line.startsWith("{")) return assigned(line, field);
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return assigned(line, field);
  }
  if (value !== null && Object.hasOwn(value as object, field)) return shown((value as Record<string, unknown>)[field]);
  for (const name of field.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return shown(value);
}

const shown = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

function assigned(line: string, field: string): string | undefined {
  const sign = `${field}=`;
  for (let at = line.indexOf(sign); at >= 0; at = line.indexOf(sign, at + 1)) {
    if (at > 0 && !/[\s,;([{&?]/.test(line[at - 1] as string)) continue;
    const rest = line.slice(at + sign.length);
    const quoted = /^"((?:[^"\\]|\\.)*)"/.exec(rest)?.[1];
    return quoted === undefined ? (/^[^\s,;)\]}&]*/.exec(rest)?.[0] ?? "") : quoted.replace(/\\(.)/g, "$1");
  }
  return undefined;
}
