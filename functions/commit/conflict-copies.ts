/** What loses a conflict is kept, as a document of the collection `conflicts`, before anybody is told how it ended: the edit that is
 *  refused, or the version that the last writer goes over without having seen it. */

import { isDeepStrictEqual } from "node:util";
import { clock } from "../../bus/platform/clock.ts";
import { log } from "../../bus/platform/log.ts";
import { toBase32 } from "../../bus/platform/random.ts";
import type { Connection } from "../../bus/wire/nats.ts";
import { readSubject, readVersion } from "../../bus/wire/stream.ts";
import { storeSubject } from "../../bus/wire/subjects.ts";
import { withoutSecrets } from "../../schemas/access.ts";
import { sha256 } from "../../schemas/digest.ts";
import { type Doc, mergePatch, withoutReadOnly } from "../../schemas/document.ts";
import { asFrontsyncError, FrontsyncError } from "../../schemas/errors.ts";
import type { CollectionSchema } from "../../schemas/index.ts";
import type { ConflictCopy, WriteReply } from "../../schemas/types.ts";
import { parseDoc } from "../store/documents.ts";
import type { CopyRoom } from "./copy-room.ts";
import type { Asked, Decision, Edit, Known } from "./decide.ts";

/** Stores an edit like any other. */
export type Store = (schema: CollectionSchema, edit: Edit) => Promise<WriteReply>;

type Side = Pick<ConflictCopy, "losing" | "winner" | "by">;
/** What is there now: of a REVISION_CONFLICT, the public API's Change. */
type There = { revision: number; doc?: Doc };

export class ConflictCopies {
  readonly #connection: Connection;
  readonly #schema: CollectionSchema;
  readonly #room: Pick<CopyRoom, "full" | "kept">;

  /** `schema`: of the collection `conflicts`. */
  constructor(connection: Connection, schema: CollectionSchema, room: Pick<CopyRoom, "full" | "kept">) {
    this.#connection = connection;
    this.#room = room;
    this.#schema = schema;
  }

  /** Runs `commit`. When that refuses the edit because of what others have done meanwhile, what it wanted to store is kept, unless it is
   *  there already. A copy that is too large, or for which there is no room, is not kept: whoever is refused still has what it wanted to store, a
   *  webserver's outbox as a dead letter. Any other failure to keep it is thrown in the refusal's place. */
  async refusing<T>(schema: CollectionSchema, edit: Asked, store: Store, commit: () => Promise<T>): Promise<T> {
    try {
      return await commit();
    } catch (error) {
      const { id } = edit;
      // A new document, which has no id yet, loses to nobody.
      const there =
        id !== undefined && error instanceof FrontsyncError ? await this.#lostTo(schema, { ...edit, id }, error) : undefined;
      if (there && id !== undefined) await this.#keepRefused(schema, { ...edit, id }, store, there);
      throw error;
    }
  }

  /** What the edit has lost to; undefined: it has lost nothing. With `ifRevision` the caller has asked for just this refusal. */
  async #lostTo(schema: CollectionSchema, edit: Edit, { code, current }: FrontsyncError): Promise<There | undefined> {
    if (schema.keepsLosing === false || edit.base === undefined || edit.ifRevision !== undefined) return undefined;
    if (code === "REVISION_CONFLICT") return (current as There | undefined) ?? { revision: 0 };
    // What a patch was to change has been deleted meanwhile.
    if (code !== "NOT_FOUND" || edit.what.op !== "patch") return undefined;
    const there = await readSubject(this.#connection, storeSubject(schema.collection, edit.id));
    // It was gone already when the edit was made. What is there again by now came after the deletion that the edit lost to.
    if (there?.deleted && there.revision === edit.base) return undefined;
    return { revision: there?.revision ?? 0 };
  }

  async #keepRefused(schema: CollectionSchema, edit: Edit, store: Store, { revision, doc }: There): Promise<void> {
    const losing = await this.#wanted(schema, edit);
    if (isDeepStrictEqual(losing, doc ? visible(schema, doc) : null)) return;
    const full = await this.#room.full();
    if (full !== undefined) {
      log.warn({ collection: schema.collection, reason: full }, "a refused edit is not kept");
      return;
    }
    try {
      await this.#keep(schema, edit, store, { losing, winner: revision, by: edit.by }, "refused");
    } catch (thrown) {
      const error = asFrontsyncError(thrown);
      if (error.code !== "TOO_LARGE" && error.code !== "SCHEMA_INVALID") throw error;
      log.warn({ collection: schema.collection, reason: error.message }, "a refused edit could not be kept");
    }
  }

  /** What a refused edit would have stored, as far as its base is known. */
  async #wanted(schema: CollectionSchema, { id, what, base }: Edit): Promise<unknown> {
    if (what.op === "delete") return null;
    if (what.op === "put") return visible(schema, what.doc);
    // The datastore's own changes are based on nothing, and so lose to nothing.
    if (what.op === "change") return null;
    // 0: of a document that was not there. There is no such version to be asked for.
    const version = base ? await readVersion(this.#connection, base) : undefined;
    const known = version && version.subject === storeSubject(schema.collection, id) && !version.deleted;
    return known
      ? mergePatch(visible(schema, parseDoc(schema, version.body, version.envelope)), what.merge)
      : { patch: what.merge };
  }

  /** Runs `write` for a decision. The version that it goes over unseen is kept first, since it may be gone afterwards, and then once more
   *  with the revision that it has lost to. Throws TOO_LARGE, or DISK_FULL when there is no room, and writes nothing, when it can't be kept. */
  async overwriting<D extends Decision & { kind: "write" }, S extends { revision: number }>(
    schema: CollectionSchema,
    edit: Edit,
    store: Store,
    decision: D,
    write: (decision: D) => Promise<S | "conflict">,
  ): Promise<S | "conflict"> {
    const { overwrites } = decision;
    const losing = overwrites && contentOf(schema, overwrites);
    if (!overwrites || isDeepStrictEqual(losing, contentOf(schema, decision))) return await write(decision);
    const full = await this.#room.full();
    if (full !== undefined) throw new FrontsyncError("DISK_FULL", full);
    const side = { losing, by: overwrites.envelope?.by ?? 0 };
    const kept = await this.#keep(schema, edit, store, { ...side, winner: 0 }, `${overwrites.revision}`);
    const outcome = await write(decision);
    if (outcome === "conflict") return outcome;
    const won = { ...side, winner: outcome.revision };
    await this.#keep(schema, edit, store, won, `${overwrites.revision}:stored`, kept.revision).catch((error: unknown) =>
      log.warn({ err: error }, "a conflict copy does not say what it has lost to"),
    );
    return outcome;
  }

  /** One copy for each edit, however often that is tried, and none any more when somebody has discarded it: its id and its mutation's id
   *  come from the edit's. */
  async #keep(schema: CollectionSchema, edit: Edit, store: Store, side: Side, step: string, ifRevision?: number) {
    const { collection } = schema;
    const id = toBase32(sha256(JSON.stringify([collection, edit.id, edit.mutation])).subarray(0, 16));
    const at = new Date(clock.now()).toISOString();
    const doc: ConflictCopy = { id, collection, docId: edit.id, ...side, base: edit.base ?? 0, at };
    const mutation = `conflict:${id}:${step}`;
    const copy: Edit = { id, what: { op: "put", doc: { ...doc } }, mutation, by: 0, webserver: edit.webserver, ifRevision };
    const stored = await store(this.#schema, copy);
    if (ifRevision === undefined) this.#room.kept(Buffer.byteLength(JSON.stringify(doc)));
    return stored;
  }
}

/** A document as somebody could have put it: without what the datastore sets, and without secrets. */
function visible(schema: CollectionSchema, doc: Doc): Doc {
  return withoutReadOnly(schema, withoutSecrets(schema, doc));
}

function contentOf(
  schema: CollectionSchema,
  { deleted, body, envelope }: Pick<Known, "deleted" | "body"> & { envelope: { schema?: number } | undefined },
): Doc | null {
  return deleted || !body ? null : visible(schema, parseDoc(schema, body, envelope));
}
