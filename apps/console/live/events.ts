/** What this webserver tells while it happens: one connection for the tab. */
import { Value } from "./value.ts";

export interface Change {
  collection: string;
  id: string;
  revision: number;
  deleted: boolean;
  by?: number;
}

export interface Status {
  webserver: string;
  state: "synced" | "catching-up" | "degraded" | "held";
  words: string;
  warnings?: { code: string; message: string }[];
}

export interface Metrics {
  at: number | string;
  mutationsPerSecond: number;
  propagationMs: { p50: number | null; p99: number | null };
}

/** undefined: nothing was said yet. */
export const status = new Value<Status | undefined>(undefined);
/** Whether the webserver answers. */
export const connected = new Value<boolean>(true);
/** The last ones, for charts that begin later. */
export const metrics = new Value<readonly Metrics[]>([]);

/** Of the charts: two minutes. */
const KEPT = 120;
const AGAIN_MS = 2000;

/** undefined: anything may have changed. */
type Listener = (change: Change | undefined) => void;
const listeners = new Set<Listener>();
let source: EventSource | undefined;
let again: number | undefined;

/** Called for each change that the user may see, and without one after a gap. Returns the unsubscriber. */
export function onChange(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Opens the connection, which then comes back by itself. */
export function listen(): void {
  close();
  let broken = false;
  const opened = new EventSource("/api/events");
  source = opened;
  opened.addEventListener("open", () => {
    // A browser without an id of the last event is sent no reset.
    if (broken) tell(undefined);
    broken = false;
    connected.set(true);
  });
  opened.addEventListener("error", () => {
    broken = true;
    connected.set(false);
    // It gives up for good when it is refused, as by a proxy whose webserver is gone.
    if (opened.readyState === EventSource.CLOSED) again = window.setTimeout(reopen, AGAIN_MS);
  });
  opened.addEventListener("change", (event) => tell(parsed<Change>(event)));
  opened.addEventListener("status", (event) => status.set(parsed<Status>(event)));
  opened.addEventListener("metrics", (event) => metrics.set([...metrics.now, parsed<Metrics>(event)].slice(-KEPT)));
  opened.addEventListener("reset", () => tell(undefined));
}

export function close(): void {
  window.clearTimeout(again);
  source?.close();
  source = undefined;
}

function reopen(): void {
  listen();
  tell(undefined);
}

function tell(change: Change | undefined): void {
  for (const listener of [...listeners]) listener(change);
}

const parsed = <T,>(event: Event): T => JSON.parse((event as MessageEvent<string>).data) as T;
