/** What an edit makes of a document: the rules of writing, without any I/O. */

import { bodyHash } from "../../bus/wire/envelope.ts";
import { type Actor, checkWrite, withoutSecrets } from "../../schemas/access.ts";
import {
  type Doc,
  documentId,
  encodeBody,
  mergePatch,
  noDocument,
  stamp,
  withKept,
  withoutReadOnly,
} from "../../schemas/document.ts";
import { FrontsyncError, type ToldVersion } from "../../schemas/errors.ts";
import type { CollectionSchema } from "../../schemas/index.ts";
import { merge } from "../../schemas/merge.ts";
import { addSeen, hasSeen } from "../../schemas/mutation.ts";
import type { Envelope, FieldChange } from "../../schemas/types.ts";
import { parseDoc } from "../store/documents.ts";
import type { Basis } from "../store/follower.ts";

/** Of a path in an error: a webserver may send one as long as a message. */
const MAX_PATH = 1000;

/** What an edit does. `change` is the datastore's own: it may set every field; undefined leaves the document as it is. */
export type What =
  | { op: "put"; doc: Doc }
  | { op: "patch"; merge: Doc }
  | { op: "delete" }
  | { op: "change"; change: (before: Doc | undefined) => Doc | undefined };

/** One edit of one document, as a webserver asks for it. */
export interface Edit {
  id: string;
  what: What;
  mutation: string;
  /** The same, when the datastore gave the id. */
  origin?: string | undefined;
  /** Its commit time, ms since 1970, when that is not to be now. */
  at?: number | undefined;
  by: number;
  webserver: string;
  base?: number | undefined;
  ifRevision?: number | undefined;
  diff?: readonly FieldChange[] | undefined;
}

/** What is known of the subject's last version: a hint has no body. */
export interface Known {
  revision: number;
  deleted: boolean;
  envelope: Basis | undefined;
  body: Uint8Array | undefined;
}

/** The subject's last version. */
export interface Current extends Known {
  envelope: Envelope | undefined;
}

/** An edit that may be of a new document, whose id the datastore gives. */
export type Asked = Omit<Edit, "id"> & { id: string | undefined };

/** Who acts; undefined: the system. An error: nobody who may act now; what is stored of what they did before is so nevertheless. */
export type Acting = Actor | FrontsyncError | undefined;

/** Who and what else has a say. */
export interface Judges {
  actor?: Acting;
  /** The collection's rules: returns what is to be stored (undefined: a tombstone), or throws what the edit is refused with. */
  rule?: ((before: Doc | undefined, next: Doc | undefined) => Doc | undefined) | undefined;
}

/** What a decision says of a version: whoever stores it adds the rest. */
type Unsigned = Omit<Envelope, "signature" | "id">;

export type Decision =
  /** The mutation is in this version already. */
  | { kind: "seen"; revision: number }
  /** It can't be said without the current body. */
  | { kind: "needs-body" }
  | {
      kind: "write";
      expected: number;
      deleted: boolean;
      body: Uint8Array;
      envelope: Unsigned;
      /** The version that this edit did not know of, and goes over. */
      overwrites?: Known | undefined;
    };

/** Throws what the caller is told when the edit is refused. `now`: ms since 1970. */
export function decide(
  schema: CollectionSchema,
  edit: Edit,
  current: Known | undefined,
  now: number,
  { actor, rule }: Judges = {},
): Decision {
  if (current && isIn(edit, current.envelope)) return { kind: "seen", revision: current.revision };
  if (actor instanceof FrontsyncError) throw actor;
  const exists = current !== undefined && !current.deleted;
  const { op } = edit.what;
  if (!exists && (op === "patch" || op === "delete")) throw noDocument(schema, edit.id);

  if (!exists && op === "put" && schema.allocates !== undefined && edit.origin === undefined) {
    throw new FrontsyncError(
      "ID_ALLOCATED",
      `${schema.collection} has no document '${shown(edit.id)}', and a new one gets its '${schema.allocates}' from the datastore: leave it out.`,
      { path: `/${schema.allocates}` },
    );
  }

  const stale = isStale(edit, current?.revision ?? 0, exists);
  const goesOver = stale && edit.ifRevision === undefined && schema.policy === "last-writer-wins";
  const losesVersion = goesOver && schema.keepsLosing !== false;
  const judged = actor !== undefined || rule !== undefined || (op === "put" && schema.kept.length > 0);
  const needsBody = judged || op === "patch" || op === "change" || (stale && (!goesOver || losesVersion));
  if (exists && needsBody && current.body === undefined) return { kind: "needs-body" };
  const before = exists && current.body !== undefined ? parseDoc(schema, current.body, current.envelope) : undefined;
  const alone = applied(schema, edit.what, before);
  // First the right to it: a conflict tells what is there. A put has what it was made of in it, too: what is its own in that comes with the merge.
  if (actor) checkWrite(schema, actor, before, op === "put" && stale && !goesOver && before ? before : alone);
  const merged = stale ? resolveStale(schema, edit, current, before) : undefined;
  const asked = merged ? withKept(schema, merged, before) : alone;
  if (op === "change" && asked === undefined) return { kind: "seen", revision: current?.revision ?? 0 };
  if (actor && merged) checkWrite(schema, actor, before, asked);
  // A rule is asked about a document, not about whatever somebody sends.
  if (rule && asked) schema.validate(asked);
  const next = rule ? rule(before, asked) : asked;

  const previous = current?.envelope;
  const origin = edit.origin ?? previous?.origin;
  const at = new Date(Math.max(now, previous ? Date.parse(previous.at) + 1 : 0)).toISOString();
  // What takes the place of another document is a new one.
  const created = exists && previous && edit.origin === undefined ? previous.created : at;
  const times = { at, created };
  const refuse = (why: string, path: string | undefined) => conflict(schema, edit, current, before, why, path);
  const encoded = (doc: Doc) =>
    merged ? encodeMerged(schema, edit, doc, alone, times, refuse) : encode(schema, edit, doc, times);
  const body = next ? encoded(next) : new Uint8Array(0);
  const envelope: Unsigned = {
    version: edit.mutation,
    by: edit.by,
    webserver: edit.webserver,
    at,
    created,
    sha256: bodyHash(body),
    seen: addSeen(previous?.seen ?? "", edit.mutation, edit.webserver),
  };
  if (origin !== undefined) envelope.origin = origin;
  if (schema.version > 1) envelope.schema = schema.version;
  const overwrites = losesVersion ? current : undefined;
  return { kind: "write", expected: current?.revision ?? 0, deleted: next === undefined, body, envelope, overwrites };
}

/** Whether a version has an edit in it. A new document may take the place of one that has seen later numbers of the same webserver: of these it is none. */
export function isIn(
  { mutation, origin }: Pick<Edit, "mutation" | "origin">,
  envelope: Pick<Envelope, "seen" | "origin"> | undefined,
): boolean {
  return origin === undefined ? hasSeen(envelope?.seen ?? "", mutation) : envelope?.origin === origin;
}

/** Whether the document has moved on since what the edit was based on. A document that was deleted does not exist: that is 0, too. */
function isStale({ ifRevision, base }: Edit, revision: number, exists: boolean): boolean {
  const basis = ifRevision ?? base;
  return basis !== undefined && basis !== revision && !(basis === 0 && !exists);
}

/** The merged document, or undefined when the edit may go over what is there. Throws REVISION_CONFLICT. */
function resolveStale(
  schema: CollectionSchema,
  edit: Edit,
  current: Known | undefined,
  before: Doc | undefined,
): Doc | undefined {
  const refuse = (why: string, path?: string) => conflict(schema, edit, current, before, why, path);
  if (edit.ifRevision !== undefined) throw refuse(`is at revision ${current?.revision ?? 0}, not at ${edit.ifRevision}`);
  if (schema.policy === "last-writer-wins") return undefined;
  if (schema.policy === "reject" || edit.what.op === "delete" || !edit.diff)
    throw refuse(`has changed since revision ${edit.base}`);
  if (!before) throw refuse("was deleted meanwhile");
  const { doc, conflicts } = merge(before, edit.diff);
  if (conflicts.length > 0)
    throw refuse(`has changed in the same place (${conflicts.slice(0, 3).map(shown).join(", ")})`, conflicts[0]);
  return doc;
}

function conflict(
  schema: CollectionSchema,
  edit: Edit,
  current: Known | undefined,
  before: Doc | undefined,
  why: string,
  path: string | undefined,
): FrontsyncError {
  return new FrontsyncError(
    "REVISION_CONFLICT",
    `'${shown(edit.id)}' in ${schema.collection} ${why}. Look at what is there now, and write again.`,
    { path: path?.slice(0, MAX_PATH), current: shownVersion(schema, edit.id, current, before) },
  );
}

function applied(schema: CollectionSchema, what: What, before: Doc | undefined): Doc | undefined {
  if (what.op === "change") return what.change(before);
  if (what.op === "put") return withKept(schema, what.doc, before);
  if (what.op === "patch") return withKept(schema, mergePatch(withoutReadOnly(schema, before ?? {}), what.merge) as Doc, before);
  return undefined;
}

function encode(schema: CollectionSchema, edit: Edit, doc: Doc, { at, created }: { at: string; created: string }): Uint8Array {
  const next = stamp(schema, doc, { at, created, by: edit.by });
  schema.validate(next);
  if (documentId(schema, next) !== edit.id) {
    throw new FrontsyncError(
      "BAD_ID",
      `The edit would change the id of '${shown(edit.id)}' in ${schema.collection}; an id stays.`,
      { path: `/${schema.key[0]}` },
    );
  }
  return encodeBody(schema, next);
}

/** What both sides have made together. When the schema refuses it although it takes the edit alone, that is a conflict, too. */
function encodeMerged(
  schema: CollectionSchema,
  edit: Edit,
  doc: Doc,
  alone: Doc | undefined,
  times: { at: string; created: string },
  refuse: (why: string, path: string | undefined) => FrontsyncError,
): Uint8Array {
  try {
    return encode(schema, edit, doc, times);
  } catch (error) {
    if (!(error instanceof FrontsyncError) || !["SCHEMA_INVALID", "TOO_LARGE"].includes(error.code)) throw error;
    if (edit.what.op === "put" && alone) encode(schema, edit, alone, times);
    throw refuse(`has changed so that it can't take this edit as well (${shown(error.message)})`, error.path);
  }
}

/** A version as REVISION_CONFLICT carries it: the public API's Change. Errors end in logs, so without secrets. */
function shownVersion(
  schema: CollectionSchema,
  id: string,
  current: Known | undefined,
  doc: Doc | undefined,
): ToldVersion | undefined {
  if (!current) return undefined;
  const { revision, deleted, envelope } = current;
  return {
    op: deleted ? "delete" : "put",
    id,
    revision,
    doc: doc && withoutSecrets(schema, doc),
    by: envelope?.by ?? 0,
    at: envelope?.at ?? "",
  };
}

function shown(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
