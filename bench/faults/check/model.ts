/** A history, arranged for those who check it. */
import type { Answer, Asked, Entry, Final, Version } from "./history.ts";
import { Stores } from "./stores.ts";

export type Outcome = "acknowledged" | "queued" | "failed" | "unknown";

export interface Operation {
  op: number;
  process: string;
  life: number;
  asked: Asked;
  invokedAt: number;
  endedAt: number;
  outcome: Outcome;
  answer: Answer;
  /** Of one that failed. */
  code: string | undefined;
  retryOf: number | undefined;
}

export type Write = Extract<Asked, { kind: "put" | "patch" | "delete" | "upload" }>;

export class Model {
  readonly operations = new Map<number, Operation>();
  readonly stores: Stores;
  /** By subject, in the order of stores and revisions: all that was ever seen there. */
  readonly log = new Map<string, Version[]>();
  /** By subject: the last version at the end. */
  readonly stored = new Map<string, Version>();
  readonly finals: Final[] = [];
  /** Numbers that were in the stream and that nobody read in time. */
  readonly missing: number[] = [];
  readonly entries: readonly Entry[];
  readonly versionsKept: Record<string, number>;
  /** Where a mark was seen. */
  readonly marked = new Map<string, Version[]>();

  constructor(entries: readonly Entry[]) {
    this.entries = entries;
    const round = entries.find((entry) => entry.type === "round");
    this.versionsKept = round?.versions ?? {};
    this.stores = new Stores(entries);
    // A store that has lost its tail gives the same number twice.
    const versions = new Map<string, Version>();
    for (const entry of entries) {
      if (entry.type === "version" || entry.type === "stored") versions.set(nameOf(entry.version), entry.version);
      if (entry.type === "stored") this.#store(entry.version);
      else if (entry.type === "final") this.finals.push(entry.final);
      else this.#operation(entry);
    }
    this.#arrange([...versions.values()].sort((a, b) => (a.store ?? 0) - (b.store ?? 0) || a.revision - b.revision));
  }

  /** The writes of documents, with the words that they are known by. */
  *writes(): Generator<Operation & { asked: Write }> {
    for (const operation of this.operations.values()) {
      const { kind } = operation.asked;
      if (kind === "put" || kind === "patch" || kind === "delete" || kind === "upload")
        yield operation as Operation & { asked: Write };
    }
  }

  /** Whether everything that a collection has stored is in the log. */
  isComplete(collection: string): boolean {
    return this.missing.length === 0 || (this.versionsKept[collection] ?? 1) > 1;
  }

  versionsOf(collection: string, id: string): readonly Version[] {
    return this.#documents.get(`${collection}/${id}`) ?? [];
  }

  storedOf(collection: string, id: string): Version | undefined {
    const subject = this.versionsOf(collection, id)[0]?.subject;
    return subject === undefined ? undefined : this.stored.get(subject);
  }

  /** Whether it was in a store before its own: it was brought back, or was in a copy. */
  isFromBefore({ subject, mutation, store = 0 }: Version): boolean {
    return store > 0 && mutation !== "" && (this.#first.get(`${subject} ${mutation}`) ?? store) < store;
  }

  /** Whether the store ends with this version of its document, or with a later one; or went with a store when nobody else had it yet. */
  survives(version: Version): boolean {
    const { subject, revision, store = 0 } = version;
    const stored = this.stored.get(subject);
    if (store === this.stores.last) return stored !== undefined && stored.revision >= revision;
    if (this.stores.mayBeLost(version)) return true;
    if (!stored) return false;
    const before = (this.log.get(subject) ?? []).filter((one) => (one.store ?? 0) <= store);
    const at = before.findLastIndex(({ mutation }) => mutation === stored.mutation);
    return at < 0 || at >= before.indexOf(version);
  }

  /** Whether a webserver has kept the word aside, when its store was not to be followed any more. */
  isAside(mark: string): boolean {
    return this.finals.some(({ aside }) => aside?.includes(mark));
  }

  readonly #documents = new Map<string, Version[]>();
  /** The first store in which a mutation's version of a document was. */
  readonly #first = new Map<string, number>();

  #store(version: Version): void {
    const known = this.stored.get(version.subject);
    if (!known || known.revision < version.revision) this.stored.set(version.subject, version);
  }

  #operation(entry: Entry): void {
    if (entry.type === "invoke") {
      const { op, process, life, asked, at, retryOf } = entry;
      const begun = { op, process, life, asked, invokedAt: at, endedAt: Number.POSITIVE_INFINITY, retryOf };
      this.operations.set(op, { ...begun, outcome: "unknown", answer: {}, code: undefined });
    }
    if (entry.type !== "ok" && entry.type !== "failed") return;
    const operation = this.operations.get(entry.op);
    if (!operation) return;
    operation.endedAt = entry.at;
    if (entry.type === "ok") {
      operation.outcome = entry.answer.revision === null ? "queued" : "acknowledged";
      operation.answer = entry.answer;
    } else {
      operation.outcome = "failed";
      operation.code = entry.code;
      if (entry.mutationId !== undefined) operation.answer = { mutationId: entry.mutationId };
    }
  }

  #arrange(versions: readonly Version[]): void {
    let last: Version | undefined;
    for (const version of versions) {
      const { subject, collection, id, revision, marks, mutation, store = 0 } = version;
      const name = `${subject} ${mutation}`;
      if (!this.#first.has(name)) this.#first.set(name, store);
      // What a copy has of before is what its limits have left.
      const isGap = last !== undefined && (last.store ?? 0) === store && !this.isFromBefore(version);
      for (let lost = isGap ? (last as Version).revision + 1 : revision; lost < revision; lost++) this.missing.push(lost);
      last = version;
      push(this.log, subject, version);
      push(this.#documents, `${collection}/${id}`, version);
      for (const mark of marks) push(this.marked, mark, version);
    }
  }
}

function nameOf({ store = 0, revision, subject, mutation }: Version): string {
  return `${store} ${revision} ${subject} ${mutation}`;
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const values = map.get(key);
  if (values) values.push(value);
  else map.set(key, [value]);
}
