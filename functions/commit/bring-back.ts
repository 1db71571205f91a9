/** What becomes of a document when a version of it comes back from a backup or a webserver. Merged: of the two the later one stays, whichever
 *  came first, so that any number of them in any order give the same. Exact: it becomes what is given, whatever is there. Pure. */
import { bodyHash } from "../../bus/wire/envelope.ts";
import { type Doc, documentId, encodeBody, stamp } from "../../schemas/document.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import type { CollectionSchema } from "../../schemas/index.ts";
import { hasSeen, joinSeen } from "../../schemas/mutation.ts";
import type { RestoredVersion } from "../../schemas/types.ts";
import { upcast } from "../../schemas/upcast.ts";
import { parseDoc } from "../store/documents.ts";
import type { Current, Decision } from "./decide.ts";

export type Outcome = "added" | "changed" | "deleted" | "marked" | "left";

export interface BroughtBack {
  outcome: Outcome;
  /** undefined: nothing is stored. */
  write: (Decision & { kind: "write" }) | undefined;
  /** As it is stored. */
  doc: Doc | undefined;
}

export interface How {
  /** The version comes without its secret fields. */
  withoutSecrets: boolean;
  /** The document is to become what is given; where a later version is there, by a new one with this id, of this time (ms since 1970). */
  exact?: { version: string; now: number } | undefined;
  /** The collection's rules; throws what the version is refused with. */
  rule?: ((before: Doc | undefined, next: Doc | undefined) => Doc | undefined) | undefined;
}

const LEFT: BroughtBack = { outcome: "left", write: undefined, doc: undefined };

/** Throws SCHEMA_INVALID, TOO_LARGE, BAD_ID, and what the rule throws. */
export function bringBack(
  schema: CollectionSchema,
  given: RestoredVersion,
  current: Current | undefined,
  { withoutSecrets, exact, rule }: How,
): BroughtBack {
  const later = !current || isLater(given, current);
  if (!later && !exact) return LEFT;
  const exists = current !== undefined && !current.deleted;
  const before = exists && current.body ? parseDoc(schema, current.body, current.envelope) : undefined;
  const [at, created] = [new Date(given.at).toISOString(), new Date(given.created).toISOString()];
  const upcasted = given.doc && upcast(schema, given.doc, given.schema ?? 1);
  const asked = upcasted && withoutSecrets ? withSecrets(schema, upcasted, before) : upcasted;
  const ruled = rule ? rule(before, asked) : asked;
  const doc = ruled && stamp(schema, { ...ruled }, { at, created, by: given.by });
  const body = doc ? encoded(schema, given.id, doc) : new Uint8Array(0);
  const sha256 = bodyHash(body);
  if (exact && current && current.deleted === (doc === undefined) && current.envelope?.sha256 === sha256) return LEFT;
  const reverted = later ? undefined : exact;
  const time = current?.envelope ? Date.parse(current.envelope.at) + 1 : 0;
  return {
    outcome: doc ? (exists ? "changed" : "added") : exists ? "deleted" : "marked",
    doc,
    write: {
      kind: "write",
      expected: current?.revision ?? 0,
      deleted: doc === undefined,
      body,
      envelope: {
        version: reverted?.version ?? given.version,
        by: given.by,
        webserver: given.webserver,
        // What goes back has changed now: by its old time it would lose to what it takes the place of, wherever that comes back.
        at: reverted ? new Date(Math.max(reverted.now, time)).toISOString() : at,
        created,
        sha256,
        seen: joinSeen(current?.envelope?.seen ?? "", given.seen),
        ...(given.origin !== undefined && { origin: given.origin }),
        ...(schema.version > 1 && { schema: schema.version }),
      },
    },
  };
}

/** By commit time, then by the version's id. What is there and has seen the version comes from it, whatever a clock said; what the first
 *  start has made (commit time 0) is later than nothing. */
function isLater({ at, version }: RestoredVersion, { envelope }: Current): boolean {
  if (!envelope) return true;
  if (envelope.version === version || hasSeen(envelope.seen, version)) return false;
  const [given, held] = [Date.parse(at), Date.parse(envelope.at)];
  return given === held ? version > envelope.version : given > held;
}

/** With the secrets that are there. What says something of them stays beside them, such as that a password is the one of the first start. */
function withSecrets(schema: CollectionSchema, doc: Doc, before: Doc | undefined): Doc {
  const next = { ...doc };
  for (const field of schema.secret) delete next[field];
  for (const field of schema.kept) {
    if (before && field in before && !(field in next)) next[field] = before[field];
  }
  return next;
}

function encoded(schema: CollectionSchema, id: string, doc: Doc): Uint8Array {
  schema.validate(doc);
  if (documentId(schema, doc) !== id)
    throw new FrontsyncError("BAD_ID", `The document of ${schema.collection} is not '${id.slice(0, 80)}' by its key fields.`);
  return encodeBody(schema, doc);
}
