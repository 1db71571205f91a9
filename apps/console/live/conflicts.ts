/** How many conflicts wait for whoever is logged in. */
import { get } from "../api/client.ts";
import { onChange } from "./events.ts";
import { me } from "./session.ts";
import { Value } from "./value.ts";

export const conflictCount = new Value(0);

async function look(): Promise<void> {
  if (!me.now) return;
  const found = await get<{ items: unknown[] }>("/api/conflicts").catch(() => undefined);
  if (found) conflictCount.set(found.items.length);
}

me.on(() => void look());
onChange((change) => {
  if (change === undefined || change.collection === "conflicts") void look();
});
