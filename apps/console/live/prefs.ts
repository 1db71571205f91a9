/** Preferences that this page itself has: the set `prefs` of whoever is logged in. */
import type { Preference } from "../../../schemas/types.ts";
import { get } from "../api/client.ts";
import { onChange } from "./events.ts";
import { me } from "./session.ts";

export interface Prefs {
  theme?: "system" | "light" | "dark";
  [field: string]: unknown;
}

export const PREFS = "prefs";

async function look(): Promise<void> {
  const set = me.now ? await get<Preference>(`/api/preferences/${PREFS}`).catch(() => undefined) : undefined;
  const { theme } = (set?.data ?? {}) as Prefs;
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

export function followPrefs(): void {
  me.on(() => void look());
  onChange((change) => {
    if (change === undefined || (change.collection === "preferences" && change.id === `${me.now?.uid}/${PREFS}`)) void look();
  });
}
