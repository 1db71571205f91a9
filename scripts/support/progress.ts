/** A progress bar for whoever waits at a terminal. */
import { count, formatCount, formatDuration } from "./numbers.ts";
import type { Sink } from "./output.ts";

const SHOWN_AFTER_MS = 1000;
const REDRAWN_EVERY_MS = 100;
const BAR_COLUMNS = 24;
const DEFAULT_COLUMNS = 80;

export interface Progress {
  update(done: number, total: number): void;
  /** Takes the bar away. Idempotent. */
  end(): void;
}

/** A bar on a terminal, once the work has taken a second; nothing elsewhere. `now`: milliseconds that only rise. */
export function startProgress(what: string, stream: Sink & { columns?: number }, now: () => number): Progress {
  if (stream.isTTY !== true) return { update: () => {}, end: () => {} };
  const startedAt = now();
  let drawnAt = 0;
  let shown = false;
  return {
    update(done, total) {
      const at = now();
      if (at - startedAt < SHOWN_AFTER_MS || (shown && at - drawnAt < REDRAWN_EVERY_MS && done < total)) return;
      shown = true;
      drawnAt = at;
      const text = renderProgress({ what, done, total, elapsedMs: at - startedAt, columns: stream.columns ?? DEFAULT_COLUMNS });
      stream.write(`\r${text}\x1b[K`);
    },
    end() {
      if (shown) stream.write("\r\x1b[K");
      shown = false;
    },
  };
}

export interface ProgressState {
  what: string;
  done: number;
  total: number;
  elapsedMs: number;
  /** Of the terminal. */
  columns: number;
}

/** "[######------] 120 / 480 files, 25 %, 3.2 s left", no wider than the terminal. */
export function renderProgress({ what, done, total, elapsedMs, columns }: ProgressState): string {
  const share = total > 0 ? Math.min(1, done / total) : 1;
  const filled = Math.round(share * BAR_COLUMNS);
  const bar = `[${"#".repeat(filled)}${"-".repeat(BAR_COLUMNS - filled)}]`;
  const left = done > 0 && done < total ? `, ${formatDuration((elapsedMs / done) * (total - done))} left` : "";
  const text = `${bar} ${formatCount(done)} / ${count(total, what)}, ${Math.floor(share * 100)} %${left}`;
  return text.slice(0, Math.max(0, columns - 1));
}
