/** Loads the rules: every file of functions/rules/ but its own frame is those of one collection. */
import { loadFolder } from "../host/load.ts";
import type { RuleSettings, Rules } from "./define.ts";

/** What is taken where nothing is said. */
export const RULE_SETTINGS: RuleSettings = { maxSearchHistory: 100 };

export async function loadRules(settings: RuleSettings = RULE_SETTINGS): Promise<ReadonlyMap<string, Rules>> {
  const found = await loadFolder<Rules | ((settings: RuleSettings) => Rules)>(
    new URL("./", import.meta.url),
    /^(define|index)\./,
  );
  const rules = found.map((each) => (typeof each === "function" ? each(settings) : each));
  return new Map(rules.map((each) => [each.collection, each]));
}
