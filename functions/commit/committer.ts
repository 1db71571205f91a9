/** The way of one write: what is known of the document → the rules → a conditional write; when the store says that something else is
 *  there, the truth is read and the rules decide again. */
import { clock } from "../../bus/platform/clock.ts";
import { KeyedQueue } from "../../bus/platform/keyed-queue.ts";
import { sign } from "../../bus/wire/envelope.ts";
import type { Connection } from "../../bus/wire/nats.ts";
import { largestBody } from "../../bus/wire/page.ts";
import { readSubject, type StoreWrite } from "../../bus/wire/stream.ts";
import { escapeId, idToken, isHashed, storeSubject } from "../../bus/wire/subjects.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import type { CollectionSchema } from "../../schemas/index.ts";
import { hasSeen } from "../../schemas/mutation.ts";
import type { WriteReply } from "../../schemas/types.ts";
import type { Epochs } from "../store/epochs.ts";
import type { Follower } from "../store/follower.ts";
import type { ConflictCopies, Store } from "./conflict-copies.ts";
import { type Current, type Decision, decide, type Edit } from "./decide.ts";
import { GroupCommit } from "./group-commit.ts";

export class Committer {
  readonly #connection: Connection;
  readonly #epochs: Epochs;
  readonly #follower: Follower;
  readonly #signingKey: Uint8Array;
  readonly #copies: ConflictCopies;
  readonly #queue = new KeyedQueue();
  readonly group: GroupCommit;

  constructor(connection: Connection, epochs: Epochs, follower: Follower, signingKey: Uint8Array, copies: ConflictCopies) {
    this.#connection = connection;
    this.#epochs = epochs;
    this.#follower = follower;
    this.#signingKey = signingKey;
    this.#copies = copies;
    this.group = new GroupCommit(connection, (write) => (follower.hint(write.subject)?.revision ?? 0) > write.expected);
  }

  /** Stores an edit once. `deadline`: ms since 1970; after it, TIMEOUT: the write may still be stored. */
  async commit(schema: CollectionSchema, edit: Edit, deadline: number): Promise<WriteReply> {
    const subject = storeSubject(schema.collection, edit.id);
    const store: Store = (of, copy) => this.commit(of, copy, deadline);
    // Edits of one document follow each other here: side by side they would only refuse one another in the store.
    return await this.#copies.refusing(schema, edit, store, () =>
      this.#queue.run(subject, async () => ({
        id: edit.id,
        revision: await this.#attempt(schema, edit, subject, deadline, store),
      })),
    );
  }

  async #attempt(schema: CollectionSchema, edit: Edit, subject: string, deadline: number, store: Store): Promise<number> {
    await this.#epochs.ready();
    let decision = this.#firstGuess(schema, edit, subject) ?? (await this.#informed(schema, edit, subject));
    for (;;) {
      if (decision.kind === "seen") return decision.revision;
      if (clock.now() > deadline) throw new FrontsyncError("TIMEOUT", `'${edit.id.slice(0, 80)}' was not stored in time.`);
      const revision = await this.#copies.overwriting(schema, edit, store, decision, (write) =>
        this.#store(schema, edit, subject, write),
      );
      if (revision !== "conflict") return revision;
      decision = await this.#informed(schema, edit, subject);
    }
  }

  /** Decides on what the follower knows, or, where it knows nothing, on there being nothing. Right nearly always, and when it is not
   *  the store refuses the write; but it may not refuse the caller. */
  #firstGuess(schema: CollectionSchema, edit: Edit, subject: string): Exclude<Decision, { kind: "needs-body" }> | undefined {
    const hint = this.#follower.hint(subject);
    if (!hint && edit.what.op !== "put") return undefined;
    try {
      const decision = decide(schema, edit, hint && { ...hint, body: undefined }, clock.now());
      return decision.kind === "needs-body" ? undefined : decision;
    } catch (error) {
      // What is wrong with the document itself needs no second look.
      if (error instanceof FrontsyncError && ["SCHEMA_INVALID", "TOO_LARGE", "BAD_ID"].includes(error.code)) throw error;
      return undefined;
    }
  }

  async #informed(schema: CollectionSchema, edit: Edit, subject: string): Promise<Exclude<Decision, { kind: "needs-body" }>> {
    const current: Current | undefined = await readSubject(this.#connection, subject);
    const decision = decide(schema, edit, current, clock.now());
    if (decision.kind === "needs-body") throw new FrontsyncError("INTERNAL", "A rule asks for a body that it was given.");
    return decision;
  }

  async #store(
    schema: CollectionSchema,
    edit: Edit,
    subject: string,
    decision: Decision & { kind: "write" },
  ): Promise<number | "conflict"> {
    const hashed = isHashed(idToken(edit.id)) && { id: escapeId(edit.id) };
    const unsigned = { ...decision.envelope, ...hashed };
    const envelope = { ...unsigned, signature: sign(this.#signingKey, subject, unsigned) };
    const { expected, deleted, body } = decision;
    const limit = largestBody(this.#connection.info.maxPayload);
    if (body.length > limit)
      throw new FrontsyncError("TOO_LARGE", `This NATS takes documents of ${limit} bytes; this one has ${body.length}.`, {
        limit,
      });
    const write: StoreWrite = { subject, expected, deleted, envelope, body, rollup: schema.retention.versions === 1 };
    try {
      const outcome = await this.group.write(write);
      if (outcome !== "conflict") this.#follower.committed({ subject, revision: outcome, deleted, envelope });
      return outcome;
    } catch (error) {
      if (!(error instanceof FrontsyncError) || error.code !== "TIMEOUT") throw error;
      return await this.#lookAgain(subject, edit);
    }
  }

  /** No answer to a write: what the subject has seen tells. If the write is only late, it and its repetition expect the same revision,
   *  so at most one of them is stored. */
  async #lookAgain(subject: string, edit: Edit): Promise<number | "conflict"> {
    await this.#epochs.ready();
    const current = await readSubject(this.#connection, subject);
    return current && hasSeen(current.envelope?.seen ?? "", edit.mutation) ? current.revision : "conflict";
  }
}
