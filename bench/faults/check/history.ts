/** The history of a round: what was asked and answered, what each webserver told, what the store held, which faults were injected. One JSON
 *  object a line, written by the driver, which is never killed. Whoever checks it needs nothing else. */

/** How a document is used, and so what must hold of it. log: only fields are added to it, for ever. lasting: made once. gone: made, deleted by one,
 *  and never made again. churn: anything goes. */
export type Role = "log" | "lasting" | "gone" | "churn";

/** What a webserver is asked to do. `mark`: a word that is in this write and in no other. */
export type Asked =
  | { kind: "put"; collection: string; id?: string; doc: object; mark: string; role: Role; mutationId?: string }
  | { kind: "patch"; collection: string; id: string; merge: object; mark: string; role: Role; mutationId?: string }
  | { kind: "delete"; collection: string; id: string; role: Role; mutationId?: string }
  | { kind: "upload"; id: string; bytes: number; mark: string; sha256: string; mutationId?: string }
  /** `revision`: it is waited for first, as whoever was given it would. */
  | { kind: "read"; collection: string; id: string; revision?: number }
  | { kind: "list"; collection: string }
  | { kind: "open"; id: string }
  | { kind: "call"; name: string; request: object; mutationId?: string }
  | { kind: "digests" };

export interface Seen {
  id: string;
  revision: number;
  pending: boolean;
  marks: readonly string[];
}

export interface Answer {
  id?: string;
  revision?: number | null;
  mutationId?: string;
  /** Of a read: what was there; null: nothing. */
  entry?: Seen | null;
  entries?: readonly Seen[];
  /** Of opened content, and of the document that it was opened for. */
  sha256?: string;
  /** Of digests: whose number it is. */
  cursor?: number;
  digests?: Record<string, string>;
}

/** One version as the store has it. `marks`: the words in its body. */
export interface Version {
  /** How many stores were lost before this one; default 0. Each numbers its versions by itself. */
  store?: number;
  revision: number;
  subject: string;
  collection: string;
  id: string;
  deleted: boolean;
  mutation: string;
  marks: readonly string[];
  body: string;
}

export interface FinalRow {
  id: string;
  revision: number;
  pending: boolean;
  body: string;
}

/** What a webserver has when everything is quiet. `error`: why it could not be asked. */
export interface Final {
  process: string;
  state: string;
  cursor: number;
  digests: Record<string, string>;
  pending: number;
  queued: readonly string[];
  deadLetters: readonly { mutationId: string; code: string; message: string }[];
  rows: Record<string, readonly FinalRow[]>;
  /** By the document's id: the hash of what was read, or the code that it failed with. */
  contents: Record<string, { said: string; read: string }>;
  /** The words in what it has kept aside, because the store that it follows does not have it. */
  aside?: readonly string[];
}

export type Entry =
  /** `versions`: how many of a document each collection keeps. `startedAt` and all `at`: ms that only rise. */
  | { type: "round"; round: number; seed: number; webservers: readonly string[]; versions: Record<string, number> }
  | { type: "up"; at: number; process: string; life: number }
  | { type: "down"; at: number; process: string; life: number }
  | { type: "invoke"; at: number; op: number; process: string; life: number; asked: Asked; retryOf?: number }
  /** Acknowledged; with `revision` null into the webserver's outbox. */
  | { type: "ok"; at: number; op: number; answer: Answer }
  | { type: "failed"; at: number; op: number; code: string; mutationId?: string }
  /** The process ended before it answered. */
  | { type: "unknown"; at: number; op: number }
  | { type: "change"; process: string; life: number; collection: string; id: string; revision: number; deleted: boolean }
  | { type: "fault"; at: number; kind: string; target: string; effect: string | null; ms: number }
  /** The store is taken away, and empty or an older state of it comes in its place. Some webserver had everything up to `kept`. `word`: the
   *  operator's; null: none is needed. What is asked until `store-back` may be answered by either. */
  | { type: "store-lost"; at: number; kind: string; kept: number; word: "accept" | "replace" | null }
  | { type: "store-back"; at: number }
  /** Read from the store while the round ran; `stored`: at its end. */
  | { type: "version"; version: Version }
  | { type: "stored"; version: Version }
  | { type: "memory"; process: string; bytes: number }
  /** What was waited for in vain before the end. */
  | { type: "not-quiet"; process: string; state: string; pending: number; waitedMs: number }
  | { type: "final"; final: Final };

/** As a word of its own: hashes of passwords and contents have such letters, too. */
const MARK = /(?<![A-Za-z0-9_])mk\d+x(?![A-Za-z0-9_])/g;

/** The word of a write. */
export function markOf(op: number): string {
  return `mk${op}x`;
}

/** Every mark in a text, once. */
export function marksIn(text: string): string[] {
  return [...new Set(text.match(MARK))];
}
