/** All kinds of faults, and which of them there are in a round. */
import type { Dice } from "../dice.ts";
import type { Fault } from "./define.ts";
import { MACHINE_FAULTS } from "./machine.ts";
import { NETWORK_FAULTS } from "./network.ts";
import { PROCESS_FAULTS } from "./processes.ts";
import { STORE_FAULTS } from "./stores.ts";

export type { Fault } from "./define.ts";

export const FAULTS: Readonly<Record<string, Fault>> = {
  ...PROCESS_FAULTS,
  ...NETWORK_FAULTS,
  ...MACHINE_FAULTS,
  ...STORE_FAULTS,
};

/** In one of so many rounds the store is lost. */
const STORE_LOST_EACH = 3;

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
  const losing = kinds.filter((kind) => FAULTS[kind]?.losesStore);
  const others = kinds.filter((kind) => !FAULTS[kind]?.losesStore);
  const at = (where: Fault["at"]) => others.filter((kind) => FAULTS[kind]?.at === where);
  const of = (turn: readonly string[]): Planned[] =>
    dice.shuffled(turn).map((kind) => ({ kind, webserver: dice.pick(webservers) }));
  const datastore = at("datastore");
  const isLost = losing.length > 0 && (datastore.length === 0 || round % STORE_LOST_EACH === STORE_LOST_EACH - 1);
  const lost = isLost ? inTurn(losing, Math.floor(datastore.length === 0 ? round : round / STORE_LOST_EACH), 1) : [];
  return {
    datastore: of([...inTurn(datastore, round * each, isLost ? 1 : each), ...lost]),
    webserver: of(inTurn(at("webserver"), round * each, each)),
  };
}

/** `count` of them from a place on, each once at most. */
function inTurn(kinds: readonly string[], from: number, count: number): string[] {
  return Array.from({ length: Math.min(count, kinds.length) }, (_, n) => kinds[(from + n) % kinds.length] as string);
}

/** Whose folders must be file systems of their own. */
export function volumesFor({ datastore, webserver }: Plan, webservers: readonly string[]): Set<string> {
  const whose = ({ kind, webserver: name }: Planned) => {
    const { needs, at } = FAULTS[kind] as Fault;
    if (needs === "all-volumes") return ["datastore", ...webservers];
    return needs === "volume" ? [at === "datastore" ? at : name] : [];
  };
  return new Set([...datastore, ...webserver].flatMap(whose));
}
