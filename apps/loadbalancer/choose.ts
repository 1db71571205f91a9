/** Which webserver a request is sent to. */
import { type Backend, RANKS } from "./backend.ts";

/** The best that there are, but those that were tried: the one that the browser was at before, if it is among them; else the one with the least
 *  under way, and of several the one that has waited longest for a new user. undefined: there is none. */
export function choose(backends: Iterable<Backend>, mark: string | undefined, tried: ReadonlySet<Backend>): Backend | undefined {
  const ranked = new Map<string, Backend[]>();
  for (const backend of backends) {
    if (tried.has(backend)) continue;
    const { rank } = backend.judge();
    ranked.set(rank, [...(ranked.get(rank) ?? []), backend]);
  }
  const best = RANKS.map((rank) => ranked.get(rank)).find((found) => found !== undefined) ?? [];
  const kept = best.find((backend) => backend.mark === mark);
  if (kept) return kept;
  const [chosen] = best.sort((a, b) => a.active - b.active || a.lastChosen - b.lastChosen);
  return chosen;
}
