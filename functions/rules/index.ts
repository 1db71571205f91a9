/** Loads the rules: every file of functions/rules/ but its own frame is those of one collection. */
import { loadFolder } from "../host/load.ts";
import type { Rules } from "./define.ts";

export async function loadRules(): Promise<ReadonlyMap<string, Rules>> {
  const rules = await loadFolder<Rules>(new URL("./", import.meta.url), /^(define|index)\./);
  return new Map(rules.map((each) => [each.collection, each]));
}
