/** `_meta.restore`: the restore that is under way. While there is one nobody else writes, whichever handler is asked, and one runner at a
 *  time does it; it stays, whatever dies, until it has ended or is given up. */
import { clock } from "../../bus/platform/clock.ts";
import { DONE } from "../../bus/platform/deadline.ts";
import { randomId } from "../../bus/platform/random.ts";
import type { Connection } from "../../bus/wire/nats.ts";
import { readAll } from "../../bus/wire/reader.ts";
import { streamInfo } from "../../bus/wire/stream.ts";
import { META, parseStoreSubject, STORE_ALL, STREAM } from "../../bus/wire/subjects.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import type { Schemas } from "../../schemas/index.ts";
import type { BackupsBeginRequest, Restore, Warning } from "../../schemas/types.ts";
import { OwnDocument } from "./own-document.ts";

/** A runner that was not heard of for so long is gone: another one may go on. */
export const LEASE_MS = 6000;
const TRIES = 20;

type Asked = Pick<BackupsBeginRequest, "hash" | "mode" | "source" | "records" | "done">;

export class Restoring {
  readonly #connection: Connection;
  readonly #document: OwnDocument<"restore">;

  constructor(connection: Connection, schemas: Schemas) {
    this.#connection = connection;
    this.#document = new OwnDocument(connection, schemas, "restore", "restore");
  }

  start(): void {
    this.#document.start();
  }

  disconnected(): void {
    this.#document.disconnected();
  }

  /** Throws RESTORING while there is a restore. */
  check(): Promise<void> {
    const { heard } = this.#document;
    return heard && !isOpen(heard.value) ? DONE : this.#look();
  }

  async #look(): Promise<void> {
    const value = await this.#open();
    if (value) throw refusal(value, "Nobody else writes or logs in until it has ended.");
  }

  async #open(): Promise<Restore | undefined> {
    if (!isOpen((await this.#document.known()).value)) return undefined;
    const { value } = await this.#document.recent();
    return isOpen(value) ? value : undefined;
  }

  /** Whether there is one. One that was interrupted says nothing any more: a handler that came later has not heard of it. */
  async underway(): Promise<boolean> {
    return (await this.#open()) !== undefined;
  }

  /** For who would fill an empty store; undefined: there is no restore, as the store has it now. */
  async whyOthersWait(): Promise<string | undefined> {
    const { value } = await this.#document.read();
    return isOpen(value) ? refusal(value, "Nobody else fills the store meanwhile.").message : undefined;
  }

  async warnings(): Promise<Warning[]> {
    const value = await this.#open();
    return value ? [{ code: "RESTORING", message: refusal(value, "Nobody else writes or logs in meanwhile.").message }] : [];
  }

  /** Begins one, or goes on with the same one when its runner is gone; `busy`: it is not. `known`: only if it is this one. Throws RESTORING for any other. */
  async begin(asked: Asked, runner: string, known?: string): Promise<{ restore: Restore; continued: boolean; busy?: boolean }> {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const { value, revision } = await this.#document.read();
      const open = isOpen(value) ? value : undefined;
      // One that has ended is not begun anew by what was on its way.
      if (known !== undefined && open?.id !== known) throw notMine();
      const now = new Date(clock.now()).toISOString();
      if (open && isBusy(open, asked, runner)) return { restore: open, continued: false, busy: true };
      const kept = open ?? { id: randomId(), startedAt: now, done: 0 };
      const { hash, mode, source, records, done = kept.done } = asked;
      const restore: Restore = { ...kept, hash, mode, source, records, done: Math.min(done, records), runner, seenAt: now };
      if (await this.#document.write(restore, revision))
        return { restore, continued: open !== undefined && open.runner !== runner };
    }
    throw new FrontsyncError("TIMEOUT", "Others change the state of the restore again and again.");
  }

  /** The restore, if it is this runner's. Throws RESTORING. */
  async mine(id: string, runner: string): Promise<Restore> {
    const mine = (value: Restore | undefined) => isOpen(value) && value.id === id && value.runner === runner;
    let { value } = await this.#document.known();
    if (!mine(value)) ({ value } = await this.#document.read());
    if (value && mine(value)) return value;
    throw notMine();
  }

  /** Ends it; with `verified` only if no document was written after that revision: false when there was. */
  async finish(id: string, runner: string, verified: number | undefined): Promise<boolean> {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const { value } = await this.#document.read();
      // A retry whose first answer was lost.
      if (value?.id === id && value.outcome === "done") return true;
      const restore = await this.mine(id, runner);
      if (verified === undefined) {
        if (await this.#end(restore, "done")) return true;
        continue;
      }
      const head = (await streamInfo(this.#connection))?.state.last_seq ?? 0;
      if (await this.#hasDocumentsAfter(verified, head)) return false;
      // On the whole store's end: a write that a handler had not heard not to make would be behind it.
      if (await this.#document.writeAtHead(ended(restore, "done"), head)) return true;
    }
    return false;
  }

  /** Ends it as it is, whoever runs it. */
  async giveUp(): Promise<Restore | undefined> {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const { value } = await this.#document.read();
      if (!isOpen(value)) return undefined;
      if (await this.#end(value, "given-up")) return value;
    }
    throw new FrontsyncError("TIMEOUT", "Others change the state of the restore again and again.");
  }

  async #end(restore: Restore, outcome: "done" | "given-up"): Promise<boolean> {
    const { value, revision } = await this.#document.read();
    if (value?.id !== restore.id) return false;
    return (await this.#document.write(ended(restore, outcome), revision)) !== undefined;
  }

  async #hasDocumentsAfter(revision: number, head: number): Promise<boolean> {
    if (revision >= head) return false;
    const later = { stream: STREAM, subjects: STORE_ALL, from: revision + 1, headersOnly: true };
    for await (const versions of readAll(this.#connection, later))
      if (versions.some(({ subject }) => parseStoreSubject(subject).collection !== META)) return true;
    return false;
  }
}

function notMine(): FrontsyncError {
  return new FrontsyncError(
    "RESTORING",
    "This restore is no longer this command's: it was given up, or another command goes on with it.",
  );
}

function isOpen(restore: Restore | undefined): restore is Restore {
  return restore !== undefined && restore.endedAt === undefined;
}

function ended(restore: Restore, outcome: "done" | "given-up"): Restore {
  return { ...restore, endedAt: new Date(clock.now()).toISOString(), outcome };
}

/** Whether somebody else does the same just now. Throws RESTORING when it is another one. */
function isBusy(open: Restore, { hash, mode }: Asked, runner: string): boolean {
  if (open.hash !== hash || open.mode !== mode) throw refusal(open, "One restore runs at a time.");
  return open.runner !== runner && clock.now() - Date.parse(open.seenAt) < LEASE_MS;
}

function refusal({ source, mode, done, records, startedAt, seenAt }: Restore, what: string): FrontsyncError {
  const quietMs = Math.max(0, clock.now() - Date.parse(seenAt));
  const since = quietMs < LEASE_MS ? "it is at work" : `it was last heard of at ${seenAt}`;
  const todo = "Wait; if it was interrupted, run the same command again, or give it up with `frontsync restore --abort`.";
  return new FrontsyncError(
    "RESTORING",
    `A restore from ${source} (--mode ${mode}) is under way since ${startedAt}: ${done} of ${records} records, and ${since}. ${what} ${todo}`,
  );
}
