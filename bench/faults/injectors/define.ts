/** What a fault is: what it does, to whom, and how its effect is seen. */
import type { Cluster } from "../cluster/index.ts";
import type { Webserver } from "../cluster/webserver.ts";
import type { Dice } from "../dice.ts";

export interface Means {
  cluster: Cluster;
  dice: Dice;
  /** The webserver that it is for. */
  webserver: Webserver;
}

export interface Fault {
  /** Whose folder must be a file system of its own. */
  needs?: "volume";
  at: "webserver" | "datastore";
  text: string;
  /** Does it and takes it back. Returns what was seen of it; undefined: nothing, so it does not count. */
  inject(means: Means): Promise<string | undefined>;
}

export function defineFaults<const T extends Record<string, Fault>>(faults: T): T {
  return faults;
}
