/** What a fault is: what it does, to whom, and how its effect is seen. */
import type { Cluster } from "../cluster/index.ts";
import type { Store } from "../cluster/store.ts";
import type { Webserver } from "../cluster/webserver.ts";
import type { Dice } from "../dice.ts";
import type { Recorder } from "../recorder.ts";

export interface Means {
  cluster: Cluster;
  store: Store;
  recorder: Recorder;
  dice: Dice;
  /** A word for a write, that no other has. */
  nextMark(): string;
  /** The webserver that it is for. */
  webserver: Webserver;
}

export interface Fault {
  /** Whose folder must be a file system of its own: that of whom it is for, or everybody's. */
  needs?: "volume" | "all-volumes";
  at: "webserver" | "datastore";
  /** The store is lost with what no webserver has: one such fault in a round is enough. */
  losesStore?: true;
  /** What webservers have in memory alone counts: none may forget it meanwhile, and while one forgets this is not begun. */
  remembers?: true;
  text: string;
  /** Does it and takes it back. Returns what was seen of it; undefined: nothing, so it does not count. */
  inject(means: Means): Promise<string | undefined>;
}

export function defineFaults<const T extends Record<string, Fault>>(faults: T): T {
  return faults;
}
