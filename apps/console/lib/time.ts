/** Times as people read them. The only place in the console that asks what time it is. */

/** ms since 1970. */
export const now = (): number => Date.now();

const UNITS = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
] as const;
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const MOMENT_MS = 45_000;
const LONG_MS = 30 * 86_400_000;

/** “5 minutes ago”; what is long ago has its date. */
export function ago(at: string | undefined, from = now()): string {
  if (at === undefined) return "never";
  const ms = Date.parse(at) - from;
  if (Math.abs(ms) < MOMENT_MS) return "just now";
  if (Math.abs(ms) > LONG_MS) return new Intl.DateTimeFormat(undefined, { dateStyle: "medium" }).format(Date.parse(at));
  const [unit, size] = UNITS.find(([, unitMs]) => Math.abs(ms) >= unitMs) ?? (["minute", 60_000] as const);
  return relative.format(Math.round(ms / size), unit);
}

export const exactly = (at: string): string => absolute.format(Date.parse(at));

/** How long something took or takes, from ms. */
export function lasting(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.round(ms / 60_000)} min`;
}
