/** How many conflicts wait for whoever is logged in. */
import { get } from "../api/client.ts";
import { onChange } from "./events.ts";
import { me } from "./session.ts";
import { Value } from "./value.ts";

/** As a badge has it; empty: none. */
export const conflictCount = new Value("");

const AGAIN_MS = 500;
let waiting = false;

async function look(): Promise<void> {
  if (!me.now || waiting) return;
  waiting = true;
  // Many may come at once, after an outage.
  await new Promise((resolve) => window.setTimeout(resolve, AGAIN_MS));
  waiting = false;
  const found = await get<{ items: unknown[]; next?: string }>("/api/conflicts").catch(() => undefined);
  if (found) conflictCount.set(found.items.length === 0 ? "" : `${found.items.length}${found.next ? "+" : ""}`);
}

me.on(() => void look());
onChange((change) => {
  if (change === undefined || change.collection === "conflicts") void look();
});
