/** What a function of the datastore is. Each is one file in functions/, with its definition as the default export: the host serves what
 *  the folder holds. */

import type { Connection } from "../../bus/wire/nats.ts";
import type { ErrorCode } from "../../schemas/errors.ts";
import type { Schemas } from "../../schemas/index.ts";
import type { Messages, Warning } from "../../schemas/types.ts";
import type { Committer } from "../commit/committer.ts";
import type { Rules } from "../rules/define.ts";
import type { Seeding } from "../seed/seeding.ts";
import type { Contents } from "../store/contents.ts";
import type { Epochs } from "../store/epochs.ts";
import type { Follower } from "../store/follower.ts";
import type { Fuses } from "../store/fuses.ts";
import type { KnownWebservers } from "../store/known.ts";
import type { Presence } from "../store/presence.ts";
import type { Restoring } from "../store/restoring.ts";
import type { Views } from "../store/views.ts";

/** What functions work with. They keep nothing themselves: all state is in the store. */
export interface Context {
  readonly connection: Connection;
  readonly schemas: Schemas;
  readonly epochs: Epochs;
  readonly follower: Follower;
  readonly presence: Presence;
  readonly known: KnownWebservers;
  readonly restoring: Restoring;
  readonly fuses: Fuses;
  readonly committer: Committer;
  readonly views: Views;
  readonly contents: Contents;
  readonly seeding: Seeding;
  readonly rules: ReadonlyMap<string, Rules>;
  /** What this deployment does not guarantee. */
  warnings(): Promise<Warning[]>;
}

/** Who asks, and what for, as the request's subject and headers say. */
export interface Caller {
  readonly webserver: string;
  /** The collection in the subject; `_` for all of them. */
  readonly collection: string;
  /** ms since 1970; the answer is of no use after it. */
  readonly deadline: number;
  /** What followed the request, when it is `framed`; else empty. */
  readonly bytes: Uint8Array;
}

/** The names of the messages that are requests, without `.request`. */
type RequestName = keyof Messages extends infer K ? (K extends `${infer Name}.request` ? Name : never) : never;

export interface DatastoreFunction<N extends RequestName = RequestName> {
  /** The verb in the subject, and the name of the request's schema. */
  readonly name: N;
  /** One for each collection (`ds.req.<collection>.<name>.<webserver>`), or one for all (`ds.req._.<name>.<webserver>`). A named function's
   *  `users.login` is the verb `login` of the one collection `users`. */
  readonly scope: "collection" | "all" | "named";
  readonly description: string;
  /** It reads also what the store has of a collection that no schema declares here any more: replicas have that, too. */
  readonly undeclared?: true;
  /** The request is JSON with bytes behind it (bus/wire/frame.ts). */
  readonly framed?: true;
  /** The reply's schema; `bytes`: a page (bus/wire/page.ts). */
  readonly reply: keyof Messages;
  /** The codes that it refuses with, beside those of any function (refusal.ts). Another one is answered, too, and logged as a fault. */
  readonly errors: readonly ErrorCode[];
  /** Answers a valid request; what it throws is the error reply. */
  handle(request: Messages[`${N}.request`], caller: Caller, context: Context): Promise<object | Uint8Array>;
}

export function defineFunction<N extends RequestName>(definition: DatastoreFunction<N>): DatastoreFunction<N> {
  return definition;
}
