/** What this webserver tells while it happens: one connection for the tab. */
import type { ChangeEvent, MetricsEvent, StatusReply } from "../../../schemas/types.ts";
import { get } from "../api/client.ts";
import { Value } from "./value.ts";

/** undefined: nothing was said yet. */
export const status = new Value<StatusReply | undefined>(undefined);
/** Whether the webserver answers. */
export const connected = new Value<boolean>(true);
/** The last ones, for charts that begin later. */
export const metrics = new Value<readonly MetricsEvent[]>([]);

/** Of the charts: two minutes. */
const KEPT = 120;
const AGAIN_MS = 2000;
const PROBE_MS = 100;
const LEAVE_MS = 30_000;

/** undefined: anything may have changed. */
type Listener = (change: ChangeEvent | undefined) => void;
const listeners = new Set<Listener>();
let source: EventSource | undefined;
let again: number | undefined;
let probing: number | undefined;
let leaving: number | undefined;
let left = false;

/** Called for each change that the user may see, and without one after a gap. Returns the unsubscriber. */
export function onChange(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Opens the connection, which then comes back by itself. */
export function listen(): void {
  close();
  const opened = new EventSource("/api/events");
  source = opened;
  if (document.hidden) leaveSoon();
  opened.addEventListener("open", () => {
    // Of what changed after it was read and before this nobody tells: pages read while the connection was on its way, the first one, too, and a
    // browser without an id of the last event is sent no reset.
    tell(undefined);
    connected.set(true);
  });
  opened.addEventListener("error", () => {
    connected.set(false);
    probe();
    // It gives up for good when it is refused, as by a proxy whose webserver is gone.
    if (opened.readyState === EventSource.CLOSED) again = window.setTimeout(reopen, AGAIN_MS);
  });
  opened.addEventListener("change", (event) => tell(parsed<ChangeEvent>(event)));
  opened.addEventListener("status", (event) => status.set(parsed<StatusReply>(event)));
  opened.addEventListener("metrics", (event) => metrics.set([...metrics.now, parsed<MetricsEvent>(event)].slice(-KEPT)));
  opened.addEventListener("reset", () => tell(undefined));
}

export function close(): void {
  window.clearTimeout(again);
  window.clearTimeout(probing);
  window.clearTimeout(leaving);
  left = false;
  source?.close();
  source = undefined;
}

/** It may have ended because the session is over, which an event source does not say: `get` hears it. */
function probe(): void {
  window.clearTimeout(probing);
  probing = window.setTimeout(() => void get("/api/users/me").catch(() => {}), PROBE_MS);
}

/** Opens it again, when something may have been missed. */
export function reopen(): void {
  listen();
  tell(undefined);
}

/** Browsers open only six connections to a webserver without HTTP/2, for all tabs: one that nobody looks at, or has looked at yet, gives its own back. */
function leaveSoon(): void {
  window.clearTimeout(leaving);
  leaving = window.setTimeout(() => {
    close();
    left = true;
  }, LEAVE_MS);
}

document.addEventListener("visibilitychange", () => {
  window.clearTimeout(leaving);
  if (!document.hidden && left) {
    left = false;
    reopen();
  } else if (document.hidden && source) leaveSoon();
});

function tell(change: ChangeEvent | undefined): void {
  for (const listener of [...listeners]) listener(change);
}

const parsed = <T>(event: Event): T => JSON.parse((event as MessageEvent<string>).data) as T;
