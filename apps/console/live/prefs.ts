/** Preferences that this page itself has: the set `prefs` of whoever is logged in. */
import type { Preference } from "../../../schemas/types.ts";
import { get } from "../api/client.ts";
import { asApiError, isFinal } from "../lib/errors.ts";
import { onChange } from "./events.ts";
import { me } from "./session.ts";
import { RETRY_MS } from "./use-live.ts";

export interface Prefs {
  theme?: "system" | "light" | "dark";
  [field: string]: unknown;
}

export const PREFS = "prefs";

let asked = 0;

async function look(): Promise<void> {
  const turn = ++asked;
  let set: Preference | undefined;
  try {
    if (me.now) set = await get<Preference>(`/api/preferences/${PREFS}`);
  } catch (thrown) {
    const error = asApiError(thrown);
    if (turn === asked && !isFinal(error)) window.setTimeout(() => turn === asked && void look(), RETRY_MS);
    // That it can't be read says nothing of what is in it.
    if (error.code !== "NOT_FOUND") return;
  }
  if (turn !== asked) return;
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
