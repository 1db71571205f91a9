/** Who may see and change a document: the one place that decides it, for webservers and functions alike. Pure. */
import { isDeepStrictEqual } from "node:util";
import { type Doc, documentId, noDocument } from "./document.ts";
import { FrontsyncError } from "./errors.ts";
import type { CollectionSchema } from "./index.ts";
import type { Audience, User } from "./types.ts";

/** The fields that say with whom a document is shared. */
const SHARING = ["readers", "writers"] as const;

/** Somebody who acts. The system itself is no actor: it may do everything, and nobody asks here. */
export interface Actor {
  readonly uid: number;
  readonly admin: boolean;
  readonly groups: readonly number[];
}

/** The actor that a user's document makes. Throws NOT_ALLOWED when there is no such user, or the user is locked. */
export function actorOf(uid: number, user: User | undefined): Actor {
  if (!user) throw new FrontsyncError("NOT_ALLOWED", `There is no user ${uid}.`);
  if (user.locked) throw new FrontsyncError("NOT_ALLOWED", `The user ${uid} is locked.`);
  return { uid, admin: user.admin === true, groups: user.groups ?? [] };
}

/** Whether a document may be seen. */
export function mayRead(schema: CollectionSchema, actor: Actor, doc: Doc): boolean {
  const access = accessOf(schema);
  if (access === "system") return false;
  if (seesAll(schema, actor) || owns(schema, actor, doc)) return true;
  if (access === "owner") return sharesByGroups(schema) && sharesGroup(actor, doc.groups);
  return isIn(actor, doc.readers) || isIn(actor, doc.writers);
}

/** Whether every document may be seen. */
export function seesAll(schema: CollectionSchema, actor: Actor): boolean {
  const access = accessOf(schema);
  return access !== "system" && (actor.admin || access === "directory");
}

/** Whether a document that is deleted, or that the actor may not see now, may have been visible once: who saw its earlier versions is kept
 *  nowhere. False only where no version can have been. */
export function mayHaveRead(schema: CollectionSchema, actor: Actor, id: string): boolean {
  const access = accessOf(schema);
  if (access === "system") return false;
  if (actor.admin || access !== "owner" || schema.key[0] !== schema.owner) return true;
  return id.split("/")[0] === String(actor.uid) || (sharesByGroups(schema) && actor.groups.length > 0);
}

/** How near a visible document is to the actor, for a look-up by name: 0 own, 1 shared with the actor or a group of theirs, 2 shared with
 *  everyone, 3 seen as an admin. */
export function distance(schema: CollectionSchema, actor: Actor, doc: Doc): 0 | 1 | 2 | 3 {
  if (owns(schema, actor, doc)) return 0;
  const audiences = SHARING.map((field) => doc[field] as Audience | undefined);
  if (audiences.some((audience) => isIn(actor, { ...audience, global: false }))) return 1;
  return audiences.some(isGlobal) ? 2 : 3;
}

/** The document with an owner where it names none: that of its version before; of a new one the user. */
export function withOwner(schema: CollectionSchema, uid: number, before: Doc | undefined, doc: Doc): Doc {
  const { owner } = schema;
  if (owner === undefined || doc[owner] !== undefined || !["shared", "owner"].includes(accessOf(schema))) return doc;
  const value = before ? before[owner] : uid;
  return value === undefined ? doc : { ...doc, [owner]: value };
}

/** Whether a change may be made. `before` undefined: the document is new; `next` undefined: it is deleted. Throws NOT_ALLOWED,
 *  GLOBAL_NEEDS_ADMIN; NOT_FOUND for what may not even be seen. */
export function checkWrite(schema: CollectionSchema, actor: Actor, before: Doc | undefined, next: Doc | undefined): void {
  const { collection } = schema;
  const access = accessOf(schema);
  if (before && !mayRead(schema, actor, before)) throw noDocument(schema, documentId(schema, before));
  if (access === "system") throw denied(`${collection} is written by the system only`);
  if (actor.admin) return;
  if (access === "directory") checkOwnFields(schema, actor, before, next);
  else if (access === "owner") checkOwner(schema, actor, before, next);
  else checkShared(schema, actor, before, next);
}

function checkShared(schema: CollectionSchema, actor: Actor, before: Doc | undefined, next: Doc | undefined): void {
  for (const field of SHARING) {
    if (isGlobal(next?.[field]) && !isGlobal(before?.[field]))
      throw new FrontsyncError("GLOBAL_NEEDS_ADMIN", "Only an admin may share a document with everyone.", {
        path: `/${field}/global`,
      });
  }
  if (!before || owns(schema, actor, before) || !isIn(actor, before.writers)) {
    checkOwner(schema, actor, before, next);
    return;
  }
  const kept = [schema.owner ?? "", ...SHARING];
  if (!next || kept.some((field) => !isDeepStrictEqual(next[field], before[field])))
    throw denied("Only the owner or an admin may delete a document, or say whose it is and who sees it");
}

/** A document as users see it. */
export function withoutSecrets<T extends Doc>(schema: CollectionSchema, doc: T): T {
  if (schema.secret.length === 0) return doc;
  return Object.fromEntries(Object.entries(doc).filter(([field]) => !schema.secret.includes(field))) as T;
}

function accessOf(schema: CollectionSchema): NonNullable<CollectionSchema["access"]> {
  return schema.access ?? "shared";
}

function owns(schema: CollectionSchema, actor: Actor, doc: Doc): boolean {
  return schema.owner !== undefined && doc[schema.owner] === actor.uid;
}

function checkOwner(schema: CollectionSchema, actor: Actor, before: Doc | undefined, next: Doc | undefined): void {
  if (before && !owns(schema, actor, before))
    throw denied(`The user ${actor.uid} may not change this document of ${schema.collection}`);
  if (next && !owns(schema, actor, next))
    throw denied("Only an admin may give a document to somebody else", `/${schema.owner ?? ""}`);
}

function checkOwnFields(schema: CollectionSchema, actor: Actor, before: Doc | undefined, next: Doc | undefined): void {
  const { collection, own = [], readOnly } = schema;
  if (!before || !next || !owns(schema, actor, before)) throw denied(`Only an admin may do this in ${collection}`);
  const changed = [...new Set([...Object.keys(before), ...Object.keys(next)])].find(
    (field) => !own.includes(field) && !readOnly.includes(field) && !isDeepStrictEqual(before[field], next[field]),
  );
  if (changed !== undefined) throw denied(`Only an admin may change '${changed}' in ${collection}`, `/${changed}`);
}

/** What waits to be sent has not been validated by the datastore yet: an audience of another shape lets nobody in. */
function isIn({ uid, groups }: Actor, audience: unknown): boolean {
  const { users, groups: shared, global } = (audience ?? {}) as Partial<Record<keyof Audience, unknown>>;
  if (global === true || (Array.isArray(users) && users.includes(uid))) return true;
  return Array.isArray(shared) && shared.some((gid) => groups.includes(gid as number));
}

/** Whether a collection of `access: owner` lets the owner name groups that may read. */
function sharesByGroups({ fields }: CollectionSchema): boolean {
  return Object.hasOwn(fields, "groups");
}

function sharesGroup({ groups }: Actor, shared: unknown): boolean {
  return Array.isArray(shared) && shared.some((gid) => groups.includes(gid as number));
}

function isGlobal(audience: unknown): boolean {
  return (audience as Audience | undefined)?.global === true;
}

function denied(what: string, path?: string): FrontsyncError {
  return new FrontsyncError("NOT_ALLOWED", `${what}.`, { path });
}
