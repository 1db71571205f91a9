/** Where a document of any collection is in the API, and what it is called. */
import { part } from "../api/client.ts";

export function pathOf(collection: string, id: string): string {
  if (collection === "results") return `/api/searchctrl/${part(id)}`;
  if (collection !== "preferences") return `/api/${collection}/${part(id)}`;
  const [uid = "", ...name] = id.split("/");
  return `/api/users/${part(uid)}/preferences/${part(name.join("/"))}`;
}

const KINDS: Record<string, string> = { queries: "query", preferences: "set of preferences", searches: "search" };

/** “dashboard”. */
export const kindOf = (collection: string): string => KINDS[collection] ?? collection.replace(/s$/, "");
