/** The writes that the datastore has not acknowledged, on this webserver's disk, and those that it refused: the dead letters. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "../../schemas/digest.ts";
import { FrontsyncError, isErrorCode } from "../../schemas/errors.ts";
import type { Schemas } from "../../schemas/index.ts";
import type { OutboxRecord } from "../../schemas/types.ts";
import type { DeadLetter } from "../api.ts";
import { clock } from "../platform/clock.ts";
import { log } from "../platform/log.ts";
import { inDamagedLines, Journal } from "./journal.ts";
import type { Kept } from "./request.ts";

const FILE = "outbox";
/** The file is written anew when it is this large, and less than half of it still counts, by number; or when it is twice as large as what counted the last
 *  time, at least twice this: a few large ones may come and go beside many small ones that stay. */
const COMPACT_BYTES = 1024 * 1024;
/** What waits may all be refused: so dead letters take room from it. */
const LIMITS = { writes: 10_000, deadBytes: 256 * 1024 * 1024 };

/** What an outbox holds, in the order in which it was asked for. */
export interface OutboxContents {
  readonly waiting: readonly Kept[];
  readonly deadLetters: readonly DeadLetter[];
}

export class Outbox {
  readonly #journal: Journal;
  readonly #limits: typeof LIMITS;
  /** In the order in which they were asked for. */
  readonly #waiting = new Map<string, Kept>();
  readonly #dead = new Map<string, DeadLetter>();
  #deadBytes = 0;
  #counts = 0;
  /** Bytes of the file, when nothing else was in it. */
  #counted: number;

  private constructor(
    journal: Journal,
    waiting: Map<string, Kept>,
    dead: Map<string, DeadLetter>,
    limits: typeof LIMITS,
    counted: number,
  ) {
    this.#journal = journal;
    this.#counted = counted;
    this.#limits = limits;
    this.#waiting = waiting;
    this.#dead = dead;
    for (const letter of dead.values()) this.#deadBytes += bytesOf(letter);
  }

  /** What is in a folder's outbox, also while a webserver works in it; `damaged`: lines that can't be read. Throws NOT_FOUND. */
  static read(dir: string, schemas: Schemas): OutboxContents & { damaged: number } {
    const waiting = new Map<string, Kept>();
    const dead = new Map<string, DeadLetter>();
    try {
      const damaged = Journal.read(join(dir, "outbox"), (json) => fold(schemas.read("outbox.record", json), waiting, dead));
      return { waiting: [...waiting.values()], deadLetters: [...dead.values()], damaged };
    } catch (cause) {
      const what = `${dir} has no outbox that can be read: ${(cause as Error).message}`;
      throw new FrontsyncError("NOT_FOUND", `${what}. Give the folder of a webserver (\`dir\` of its connectBus).`, { cause });
    }
  }

  static open(dir: string, schemas: Schemas, limits = LIMITS): Outbox {
    const waiting = new Map<string, Kept>();
    const dead = new Map<string, DeadLetter>();
    const file = join(dir, FILE);
    const made = !existsSync(file);
    const sizes = new Map<string, number>();
    const journal = Journal.open(file, (json) => {
      const record = schemas.read("outbox.record", json);
      fold(record, waiting, dead);
      if (record.kind === "wait") sizes.set(keyOf(record), json.length);
    });
    const counted = [...waiting.keys(), ...dead.keys()].reduce((sum, key) => sum + (sizes.get(key) ?? 0), 0);
    const outbox = new Outbox(journal, waiting, dead, limits, counted);
    if (!made)
      void outbox.#compact(0).catch((error: unknown) => log.warn({ err: error }, "the outbox could not be made smaller"));
    return outbox;
  }

  /** What waited when the outbox was opened, in order. */
  get waiting(): readonly Kept[] {
    return [...this.#waiting.values()];
  }

  get deadLetters(): readonly DeadLetter[] {
    return [...this.#dead.values()];
  }

  /** What was wrong with the file. */
  get damage(): string | undefined {
    return this.#journal.damage;
  }

  /** Why it takes no more writes; undefined: it does. Nothing that it holds is ever dropped to make room. */
  get full(): string | undefined {
    const dead = this.#dead.size;
    if (dead === 0 || (this.#waiting.size + dead < this.#limits.writes && this.#deadBytes < this.#limits.deadBytes))
      return undefined;
    const kept = `${this.#waiting.size} writes wait and ${dead} dead letters (${Math.ceil(this.#deadBytes / 2 ** 20)} MiB) are kept`;
    return `The outbox is full: ${kept}. Retry or discard dead letters; until then a write needs the datastore.`;
  }

  /** Resolves when it is on the disk. Throws DISK_FULL, INTERNAL; DATASTORE_UNREACHABLE when it is full: then nothing waits. */
  async keep(kept: Kept): Promise<void> {
    const { full } = this;
    if (full !== undefined) throw new FrontsyncError("DATASTORE_UNREACHABLE", full);
    this.#waiting.set(keyOf(kept), kept);
    try {
      await this.#journal.append(kept);
    } catch (error) {
      this.#waiting.delete(keyOf(kept));
      throw error;
    }
  }

  /** The datastore has it; as `revision`, if that is known to be its own and not that of a later version. That this is forgotten in a crash, or
   *  by a disk that is full, does no harm: it is asked again, and has one effect. */
  async stored(kept: Kept, revision: number | undefined): Promise<void> {
    this.#waiting.delete(keyOf(kept));
    if (revision !== undefined) rebase(this.#waiting.values(), kept, revision);
    await this.#end({ ...named(kept), kind: "stored", ...(revision !== undefined && { revision }) });
  }

  /** The datastore refused it. That this is forgotten does no harm either: it is asked again, and refused, or taken after all. */
  async dead(kept: Kept, code: string, message: string): Promise<void> {
    const record = { ...named(kept), kind: "dead" as const, code, message, at: new Date(clock.now()).toISOString() };
    this.#waiting.delete(keyOf(kept));
    const letter = deadLetter(kept, record);
    this.#dead.set(keyOf(kept), letter);
    this.#deadBytes += bytesOf(letter);
    await this.#end(record);
  }

  /** Takes a dead letter out. Throws DISK_FULL, INTERNAL: then it stays. */
  async discard(letter: DeadLetter): Promise<void> {
    await this.#journal.append(asGone(letter));
    this.#forget(letter);
  }

  /** Lets a dead letter wait again, as a new write: for who opens the outbox next. Throws DISK_FULL, INTERNAL: then it stays. */
  async retry(letter: DeadLetter): Promise<void> {
    const kept = { ...asKept(letter), mutation: retryId(letter) };
    // Written together. If only the first is there after a crash, then the next retry is of the same mutation.
    await Promise.all([this.#journal.append(kept), this.#journal.append(asGone(letter))]);
    this.#waiting.set(keyOf(kept), kept);
    this.#forget(letter);
  }

  #forget(letter: DeadLetter): void {
    // Whoever comes second has nothing to take out.
    if (this.#dead.delete(keyOf(asGone(letter)))) this.#deadBytes -= bytesOf(letter);
  }

  async close(): Promise<void> {
    await this.#journal.close();
  }

  /** Never throws: what could not be written here is only done again after a restart. */
  async #end(record: OutboxRecord): Promise<void> {
    try {
      await this.#journal.append(record);
      await this.#compact(COMPACT_BYTES);
    } catch (error) {
      log.warn({ err: error, kind: record.kind, mutation: record.mutation }, "the end of a write is not in the outbox");
    }
  }

  async #compact(above: number): Promise<void> {
    this.#counts++;
    const { size } = this.#journal;
    const few = size > above && this.#counts >= (this.#waiting.size + this.#dead.size) * 2;
    if (!few && size <= Math.max(COMPACT_BYTES, this.#counted) * 2) return;
    this.#counts = 0;
    // When it fails, it is not tried again at once.
    this.#counted = size;
    await this.#journal.rewrite(() => this.#records());
    this.#counted = this.#journal.size;
  }

  /** What counts. */
  *#records(): Generator<OutboxRecord, void> {
    for (const letter of this.#dead.values()) {
      yield asKept(letter);
      yield asDead(letter);
    }
    yield* this.#waiting.values();
  }
}

/** The mutation of a dead letter's retry: the same for each, so that any number of them, also at once and in two processes, has one effect. */
export function retryId({ mutationId, collection, id }: DeadLetter): string {
  return `retry:${sha256(JSON.stringify([mutationId, collection, id])).toString("base64url")}`;
}

/** Takes one record into account. */
function fold(record: OutboxRecord, waiting: Map<string, Kept>, dead: Map<string, DeadLetter>): void {
  const key = keyOf(record);
  if (record.kind === "wait") waiting.set(key, record as Kept);
  else if (record.kind === "gone") dead.delete(key);
  else {
    const kept = waiting.get(key);
    waiting.delete(key);
    if (record.kind === "stored" && kept && record.revision !== undefined) rebase(waiting.values(), kept, record.revision);
    if (record.kind === "dead" && kept) dead.set(key, deadLetter(kept, record));
  }
}

/** The next write of the document was made on top of this one, and says nothing of its single changes: it is based on what this one has become. */
function rebase(waiting: Iterable<Kept>, stored: Kept, revision: number): void {
  for (const kept of waiting) {
    if (kept.collection !== stored.collection || kept.id !== stored.id || !kept.chained) continue;
    if (kept.ifRevision !== undefined && kept.ifRevision === kept.base) kept.ifRevision = revision;
    if (kept.diff === undefined && kept.base !== undefined) kept.base = revision;
    return;
  }
}

function keyOf({ mutation, collection, id }: Pick<OutboxRecord, "mutation" | "collection" | "id">): string {
  return `${mutation} ${collection}/${id ?? ""}`;
}

function named({ mutation, collection, id }: Kept): Pick<OutboxRecord, "mutation" | "collection" | "id"> {
  return { mutation, collection, ...(id !== undefined && { id }) };
}

function deadLetter(kept: Kept, { code = "INTERNAL", message = "" }: OutboxRecord): DeadLetter {
  const { mutation, collection, id = "", op, at, body, by, content: upload } = kept;
  const content = upload && { content: { sha256: upload.sha256, size: upload.size } };
  const reason = { code: isErrorCode(code) ? code : "INTERNAL", message };
  return { mutationId: mutation, collection, id, op, at, by, body, ...content, ...reason };
}

function asKept({ mutationId, collection, id, op, at, by, body, content }: DeadLetter): Kept {
  return {
    kind: "wait",
    mutation: mutationId,
    collection,
    ...(id !== "" && { id }),
    op,
    at,
    by,
    ...(body !== undefined && { body: body as Record<string, unknown> }),
    ...(content && { content }),
  };
}

function asGone({ mutationId, collection, id }: DeadLetter): OutboxRecord {
  return { kind: "gone", mutation: mutationId, collection, ...(id !== "" && { id }) };
}

function bytesOf({ body = null }: DeadLetter): number {
  return Buffer.byteLength(JSON.stringify(body));
}

function asDead({ mutationId, collection, id, code, message, at }: DeadLetter): OutboxRecord {
  return { kind: "dead", mutation: mutationId, collection, ...(id !== "" && { id }), code, message, at };
}

/** Contents that uploads in damaged lines of a folder's outbox refer to, as far as those can be read. */
export function contentsAside(dir: string): Set<string> {
  return inDamagedLines(join(dir, FILE), /[0-9a-f]{64}/g);
}
