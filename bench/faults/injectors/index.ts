/** All kinds of faults, and which of them there are in a round. */
import type { Dice } from "../dice.ts";
import type { Fault } from "./define.ts";
import { MACHINE_FAULTS } from "./machine.ts";
import { NETWORK_FAULTS } from "./network.ts";
import { PROCESS_FAULTS } from "./processes.ts";

export type { Fault } from "./define.ts";

export const FAULTS: Readonly<Record<string, Fault>> = { ...PROCESS_FAULTS, ...NETWORK_FAULTS, ...MACHINE_FAULTS };

/** What this version can't do yet, and why. */
export const NOT_YET: Readonly<Record<string, string>> = {
  "wiped-datastore": "this version does not inject it yet",
  "older-datastore": "this version does not inject it yet",
  "regrown-tail": "this version does not inject it yet",
};

export interface Planned {
  kind: string;
  webserver: string;
}

/** Faults of a round: those of the datastore and those of the webservers go on side by side, in each of the two one after the other. */
export interface Plan {
  datastore: readonly Planned[];
  webserver: readonly Planned[];
}

/** `round` turns through the kinds, so that each comes in its turn whatever the seed. */
export function plan(dice: Dice, kinds: readonly string[], webservers: readonly string[], round: number, each: number): Plan {
  const of = (at: Fault["at"]): Planned[] => {
    const there = kinds.filter((kind) => FAULTS[kind]?.at === at);
    if (there.length === 0) return [];
    const turn = Array.from(
      { length: Math.min(each, there.length) },
      (_, n) => there[(round * each + n) % there.length] as string,
    );
    return dice.shuffled(turn).map((kind) => ({ kind, webserver: dice.pick(webservers) }));
  };
  return { datastore: of("datastore"), webserver: of("webserver") };
}

/** Whose folders must be file systems of their own. */
export function volumesFor({ datastore, webserver }: Plan): Set<string> {
  const needs = [...datastore, ...webserver].filter(({ kind }) => FAULTS[kind]?.needs === "volume");
  return new Set(needs.map(({ kind, webserver: name }) => (FAULTS[kind]?.at === "datastore" ? "datastore" : name)));
}
