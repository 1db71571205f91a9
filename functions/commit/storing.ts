/** Stores what was decided: one signed version, on the condition that it was decided on, and says what became of it also when no answer comes. */
import { sign } from "../../bus/wire/envelope.ts";
import type { Connection } from "../../bus/wire/nats.ts";
import { largestBody } from "../../bus/wire/page.ts";
import { readSubject, type StoreWrite } from "../../bus/wire/stream.ts";
import { escapeId, isHashed, parseStoreSubject } from "../../bus/wire/subjects.ts";
import type { StoredVersion } from "../../bus/wire/version.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import type { CollectionSchema } from "../../schemas/index.ts";
import type { Envelope } from "../../schemas/types.ts";
import type { Epochs } from "../store/epochs.ts";
import type { Follower } from "../store/follower.ts";
import type { Held } from "../store/views.ts";
import { type Decision, type Edit, isIn } from "./decide.ts";
import { GroupCommit } from "./group-commit.ts";

/** The new version; or, when that is not its own, a later one that has the mutation in it. */
type Stored = Omit<Held, "doc"> & { isOwn: boolean };

export interface StoringParts {
  connection: Connection;
  epochs: Epochs;
  follower: Follower;
  signingKey: Uint8Array;
}

export class Storing {
  readonly #parts: StoringParts;
  readonly group: GroupCommit;

  constructor(parts: StoringParts) {
    const { connection, follower } = parts;
    this.#parts = parts;
    this.group = new GroupCommit(connection, (write) => (follower.hint(write.subject)?.revision ?? 0) > write.expected);
  }

  /** If its document is at what was decided on, or, with a guard, if the guarded subjects are; else "conflict". Throws TOO_LARGE, DATASTORE_UNREACHABLE,
   *  DISK_FULL: then it is not stored; TIMEOUT: nobody knows. */
  async store(
    schema: CollectionSchema,
    edit: Pick<Edit, "id" | "mutation" | "origin">,
    subject: string,
    decision: Decision & { kind: "write" },
    guard?: { subjects: string; revision: number },
  ): Promise<Stored | "conflict"> {
    const { connection, signingKey, follower } = this.#parts;
    const envelope: Envelope = { ...decision.envelope, signature: sign(signingKey, subject, decision.envelope) };
    if (isHashed(parseStoreSubject(subject).token)) envelope.id = escapeId(edit.id);
    const { deleted, body } = decision;
    const limit = largestBody(connection.info.maxPayload);
    if (body.length > limit)
      throw new FrontsyncError("TOO_LARGE", `This NATS takes documents of ${limit} bytes; this one has ${body.length}.`, {
        limit,
      });
    const expected = guard ? guard.revision : decision.expected;
    const rollup = schema.retention.versions === 1;
    const write: StoreWrite = { subject, expected, guard: guard?.subjects, deleted, envelope, body, rollup };
    try {
      const outcome = await this.group.write(write);
      if (outcome === "conflict") return outcome;
      follower.committed({ subject, revision: outcome, deleted, envelope });
      return { subject, revision: outcome, deleted, envelope, body, isOwn: true };
    } catch (error) {
      if (!(error instanceof FrontsyncError) || error.code !== "TIMEOUT") throw error;
      return await this.#lookAgain(subject, edit);
    }
  }

  /** No answer to a write: what the subject has seen tells. If the write is only late, it and its repetition expect the same revision,
   *  so at most one of them is stored. */
  async #lookAgain(subject: string, edit: Pick<Edit, "mutation" | "origin">): Promise<Stored | "conflict"> {
    const current = await this.#readNow(subject);
    const { revision, deleted, envelope } = current ?? {};
    if (!current || revision === undefined || !isIn(edit, envelope)) return "conflict";
    const isOwn = envelope?.version === edit.mutation;
    if (isOwn) this.#parts.follower.committed({ subject, revision, deleted: deleted === true, envelope });
    return { subject, revision, deleted: deleted === true, envelope, body: current.body, isOwn };
  }

  /** Throws TIMEOUT alone: with any other code whoever asked would take the write for one that was never sent. */
  async #readNow(subject: string): Promise<StoredVersion | undefined> {
    try {
      await this.#parts.epochs.ready();
      return await readSubject(this.#parts.connection, subject);
    } catch (cause) {
      throw new FrontsyncError("TIMEOUT", `What became of a write is not known: ${(cause as Error).message}`, { cause });
    }
  }
}
