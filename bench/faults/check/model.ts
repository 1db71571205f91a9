/** A history, arranged for those who check it. */
import type { Answer, Asked, Entry, Final, Version } from "./history.ts";

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
  /** By subject, in the order of revisions: all that was ever seen in the store. */
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
    // A store that has lost its tail gives the same number twice.
    const versions = new Map<string, Version>();
    for (const entry of entries) {
      if (entry.type === "version" || entry.type === "stored") versions.set(nameOf(entry.version), entry.version);
      if (entry.type === "stored") this.#store(entry.version);
      else if (entry.type === "final") this.finals.push(entry.final);
      else this.#operation(entry);
    }
    this.#arrange([...versions.values()].sort((a, b) => a.revision - b.revision));
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

  readonly #documents = new Map<string, Version[]>();

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
    let last: number | undefined;
    for (const version of versions) {
      const { subject, collection, id, revision, marks } = version;
      // Two stores, one after the other, are far apart: that is no gap.
      for (let lost = (last ?? revision) + 1; lost < revision && revision - lost < 100_000; lost++) this.missing.push(lost);
      last = revision;
      push(this.log, subject, version);
      push(this.#documents, `${collection}/${id}`, version);
      for (const mark of marks) push(this.marked, mark, version);
    }
  }
}

function nameOf({ revision, subject, mutation }: Version): string {
  return `${revision} ${subject} ${mutation}`;
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const values = map.get(key);
  if (values) values.push(value);
  else map.set(key, [value]);
}
