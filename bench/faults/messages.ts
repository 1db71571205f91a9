/** What the driver and the processes under test say to each other. */
import type { Answer, Asked, Final } from "./check/history.ts";

export interface WebserverOrder {
  datastore: string;
  webserver: string;
  dir: string;
  /** Seconds between check-ins. */
  updateInterval: number;
  /** Whose changes are told. */
  collections: readonly string[];
  /** For the positive controls: what is wrong with this webserver. */
  broken: string | undefined;
}

export type ToWebserver =
  | { type: "open"; order: WebserverOrder }
  | { type: "ask"; n: number; asked: Asked }
  | { type: "final"; n: number }
  /** Live messages are lost from now on: this share of them; 0: none. */
  | { type: "lose"; share: number }
  | { type: "close"; n: number };

export interface WebserverStatus {
  state: string;
  /** Everything up to this revision is held. */
  cursor: number;
  pending: number;
  lost: number;
  warnings: readonly string[];
  /** Its wall clock. */
  clock: number;
}

export type FromWebserver =
  | { type: "open" }
  | { type: "failed"; message: string }
  | { type: "answer"; n: number; answer: Answer }
  | { type: "refused"; n: number; code: string; message: string; mutationId?: string }
  | { type: "final"; n: number; final: Omit<Final, "process"> }
  | { type: "changes"; changes: readonly { collection: string; id: string; revision: number; deleted: boolean }[] }
  | { type: "status"; status: WebserverStatus }
  | { type: "closed"; n: number };

export interface DatastoreOrder {
  dir: string;
  port: number;
  handlers: number;
  sync: "always" | "default";
}

export type FromDatastore =
  | { type: "open"; address: string; pids: Pids }
  | { type: "failed"; message: string }
  | { type: "pids"; pids: Pids };

export interface Pids {
  natsServer: number | undefined;
  handlers: readonly number[];
  /** The supervisor's wall clock. */
  clock: number;
}
