/** The fuses of all collections but those that declare that they have none; and what they hold: `_meta.held.<collection>.<id>`. */
import { clock } from "../../bus/platform/clock.ts";
import { log } from "../../bus/platform/log.ts";
import type { Connection } from "../../bus/wire/nats.ts";
import { readAll } from "../../bus/wire/reader.ts";
import { purgeUpTo } from "../../bus/wire/stream.ts";
import { idToken, META, STREAM, storeSubjects } from "../../bus/wire/subjects.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import type { Schemas } from "../../schemas/index.ts";
import type { HeldDeletion, Warning } from "../../schemas/types.ts";
import type { Edit } from "../commit/decide.ts";
import { DEFAULT_LIMITS, Fuse, type FuseLimits } from "./fuse.ts";
import { OwnDocument } from "./own-document.ts";

const TRIES = 20;
const MAX_MUTATIONS = 32;

export type FuseOptions = Partial<FuseLimits> | false;

export interface StoredHeld extends HeldDeletion {
  subject: string;
  revision: number;
}

export class Fuses {
  readonly #connection: Connection;
  readonly #schemas: Schemas;
  readonly #fuses = new Map<string, Fuse>();

  /** `options`: of the collections that don't declare any themselves; false: there are no fuses. */
  constructor(connection: Connection, schemas: Schemas, options: FuseOptions) {
    this.#connection = connection;
    this.#schemas = schemas;
    for (const { collection, fuse = {} } of schemas.collections.values()) {
      if (fuse === false || options === false) continue;
      this.#fuses.set(collection, new Fuse(connection, schemas, collection, { ...DEFAULT_LIMITS, ...options, ...fuse }));
    }
  }

  start(): void {
    for (const { document } of this.#fuses.values()) document.start();
  }

  /** So that the warnings are there before the first deletion. */
  async connected(): Promise<void> {
    try {
      await Promise.all([...this.#fuses.values()].map(({ document }) => document.read()));
    } catch (error) {
      log.warn({ err: error }, "the fuses could not be read");
    }
  }

  disconnected(): void {
    for (const { document } of this.#fuses.values()) document.disconnected();
  }

  of(collection: string): Fuse | undefined {
    return this.#fuses.get(collection);
  }

  get all(): ReadonlyMap<string, Fuse> {
    return this.#fuses;
  }

  warnings(): Warning[] {
    return [...this.#fuses.values()].flatMap((fuse) => fuse.warning() ?? []);
  }

  /** Keeps a deletion until somebody lets it go. Throws DELETION_DISCARDED for one that was discarded a moment ago. */
  async hold(collection: string, { id, mutation, by, webserver, base, ifRevision }: Edit): Promise<void> {
    const document = this.#heldAt(collection, id);
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const { value: known, revision } = await document.read();
      if (known?.mutations.includes(mutation)) {
        if (known.discarded) throw discarded(collection, id);
        return;
      }
      const value = known?.discarded ? undefined : known;
      const first = value ?? {
        ...{ id, mutations: [], by, webserver, at: new Date(clock.now()).toISOString() },
        ...(base !== undefined && { base }),
        ...(ifRevision !== undefined && { ifRevision }),
      };
      const held: HeldDeletion = { ...first, mutations: [...first.mutations, mutation].slice(-MAX_MUTATIONS) };
      if (await document.write(held, revision)) return;
    }
    throw new FrontsyncError("TIMEOUT", `The deletion of '${id.slice(0, 80)}' could not be held. Try again.`);
  }

  /** What an admin has said of a deletion that was held; undefined: nothing, or it was not held. Throws DELETION_DISCARDED. */
  async decided(collection: string, { id, mutation }: Pick<Edit, "id" | "mutation">): Promise<"let go" | undefined> {
    const state = (await this.of(collection)?.document.known())?.value;
    if (!state?.discards && !state?.letsGo) return undefined;
    const { value } = await this.#heldAt(collection, id).read();
    if (!value?.mutations.includes(mutation)) return undefined;
    if (value.discarded) throw discarded(collection, id);
    return state.letsGo && state.openedAt === undefined ? "let go" : undefined;
  }

  /** What is held of a collection, also what was discarded, in the order in which it came. */
  async *held(collection: string): AsyncGenerator<StoredHeld, void> {
    const all = { stream: STREAM, subjects: storeSubjects(`${META}.held.${collection}`) };
    for await (const versions of readAll(this.#connection, all)) {
      for (const { subject, revision, body } of versions)
        yield { ...this.#schemas.read("held-deletion", body), subject, revision };
    }
  }

  /** It was done, or can't be. */
  async release({ subject, revision }: StoredHeld): Promise<void> {
    await purgeUpTo(this.#connection, subject, revision);
  }

  async discard(collection: string, { subject: _subject, revision, ...held }: StoredHeld): Promise<void> {
    // In between another one may have asked for it: that one is looked at next.
    await this.#heldAt(collection, held.id).write({ ...held, discarded: true }, revision);
  }

  #heldAt(collection: string, id: string): OwnDocument<"held-deletion"> {
    return new OwnDocument(this.#connection, this.#schemas, "held-deletion", `held.${collection}.${idToken(id)}`);
  }
}

function discarded(collection: string, id: string): FrontsyncError {
  return new FrontsyncError(
    "DELETION_DISCARDED",
    `The deletion of '${id.slice(0, 80)}' from ${collection} was held by the fuse, and an admin has discarded it. Delete again if it is meant.`,
  );
}
