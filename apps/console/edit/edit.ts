/** One document that somebody edits, while others may change it too. */
import type { Doc } from "../../../schemas/document.ts";
import type { ChangeEvent, WrittenReply } from "../../../schemas/types.ts";
import { type Answer, ApiError } from "../api/client.ts";
import { asApiError, isFinal } from "../lib/errors.ts";
import { isDeepStrictEqual as equal } from "../lib/util.ts";
import { Value } from "../live/value.ts";
import { type Clash, isChanged, rebase, valueAt, withValue } from "./three-way.ts";

/** What others did while this was edited. */
export interface Notice {
  /** undefined: not known. */
  by: number | undefined;
  /** Paths that were taken over. */
  adopted: string[];
}

export interface EditState {
  /** The version that the edit is based on; undefined: not read yet. `made`: what was sent to make it, of which nothing was read since. */
  base?: { doc: Doc; revision: number; made?: Doc };
  /** As the form shows it. */
  mine?: Doc;
  /** A write of this webserver waits for the datastore. */
  pending: boolean;
  /** To be decided before it can be saved. */
  clashes: Clash[];
  notice?: Notice | undefined;
  /** Somebody else deleted it. */
  deleted: boolean;
  saving: boolean;
  error?: ApiError | undefined;
}

/** The document where it is kept. Both throw ApiError. */
export interface Remote {
  read(): Promise<Pick<Answer<Doc>, "body" | "revision" | "pending">>;
  write(doc: Doc, ifRevision?: number): Promise<Pick<WrittenReply, "revision">>;
  /** Whether the webserver has no contact to the datastore, as far as is known. */
  isAlone(): boolean;
}

export type Saved = "stored" | "waits" | "not";
export type Choice = "mine" | "theirs" | "base";

const EMPTY: EditState = { pending: false, clashes: [], deleted: false, saving: false };
/** A document that others change all the time is not fought over. */
const TRIES = 20;

export class Edit {
  readonly state = new Value<EditState>(EMPTY);
  readonly #remote: Remote;
  readonly #blank: Doc | undefined;
  #last: Promise<unknown> = Promise.resolve();
  /** Why it could not be read, of the last time. */
  #fault: ApiError | undefined;

  /** `blank`: what it is as long as nobody has made it; without it, it must be there. */
  constructor(remote: Remote, blank?: Doc) {
    this.#remote = remote;
    this.#blank = blank;
  }

  get changed(): boolean {
    const { base, mine } = this.state.now;
    return base !== undefined && mine !== undefined && isChanged(base.doc, mine);
  }

  /** It could not be read, and may be another time. */
  get unread(): boolean {
    return this.#fault !== undefined && !isFinal(this.#fault);
  }

  /** Reads the current version, and brings the edit onto it. */
  read(by?: number): Promise<void> {
    return this.#inTurn(() => this.#read(by));
  }

  /** For changes of this very document; undefined: anything may have changed. */
  heard(change: ChangeEvent | undefined): void {
    // Also of a deletion: what was read before it may be on its way, and be taken for newer.
    void this.read(change?.by);
  }

  change(fields: Doc): void {
    const { mine } = this.state.now;
    if (mine) this.#set({ mine: { ...mine, ...fields } });
  }

  /** Gives one's own changes up. */
  revert(): void {
    const { base } = this.state.now;
    this.#set({ ...(base && { mine: base.doc }), clashes: [], notice: undefined, error: undefined });
  }

  decide({ path, base, theirs }: Clash, choice: Choice): void {
    const { mine, clashes } = this.state.now;
    if (!mine) return;
    const value = { mine: valueAt(mine, path), theirs, base }[choice];
    this.#set({ mine: withValue(mine, path, value), clashes: clashes.filter((clash) => clash.path !== path) });
  }

  /** After somebody else deleted it: what is in the form becomes a document of whoever does this. */
  makeAgain(): Promise<Saved> {
    return this.#inTurn(async () => {
      const { mine, base } = this.state.now;
      if (!mine || !base) return "not";
      const { ownerId: _before, ...doc } = mine;
      const reply = await this.#remote.write(doc).catch((error: unknown) => {
        // It is there, and hidden: so it was not deleted.
        if (error instanceof ApiError && error.code === "NOT_FOUND")
          throw new ApiError("NOT_ALLOWED", error.message, error.status);
        throw error;
      });
      const saved = this.#stored(mine, base.revision, reply, doc);
      this.#set({ deleted: false });
      return saved;
    });
  }

  dismiss(): void {
    this.#set({ notice: undefined });
  }

  /** “not”: something is to be decided first, or `error` says why. */
  async save(): Promise<Saved> {
    this.#set({ saving: true, error: undefined });
    try {
      return await this.#inTurn(() => this.#save());
    } catch (error) {
      this.#set({ error: asApiError(error) });
      return "not";
    } finally {
      this.#set({ saving: false });
    }
  }

  async #save(): Promise<Saved> {
    for (let attempt = 1; ; attempt++) {
      // Without contact nobody can say whether it is the latest: then it is queued as an edit, and merged when it arrives.
      const alone = this.#remote.isAlone();
      if (alone) await this.#read();
      const { base, mine, clashes, deleted } = this.state.now;
      if (!base || !mine || clashes.length > 0 || deleted) return "not";
      try {
        const reply = await this.#remote.write(mine, alone ? undefined : base.revision);
        return this.#stored(mine, base.revision, reply, base.revision === 0 ? mine : undefined);
      } catch (error) {
        if (!(error instanceof ApiError && error.code === "REVISION_CONFLICT") || attempt === TRIES) throw error;
        await this.#read();
        if (this.state.now.base?.revision === base.revision) await moment();
      }
    }
  }

  /** One after the other: what is read while a write is under way may have it already, and its answer would then be taken for older than it is. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** What was typed since stays. */
  #stored(doc: Doc, before: number, { revision }: Pick<WrittenReply, "revision">, made?: Doc): Saved {
    this.#set({
      base: { doc, revision: revision ?? before, ...(made && { made }) },
      pending: revision === null,
      notice: undefined,
    });
    return revision === null ? "waits" : "stored";
  }

  async #read(by?: number): Promise<void> {
    try {
      const { body, revision = 0, pending } = await this.#remote.read();
      this.#failed(undefined);
      this.#meet(body, revision, pending, by);
    } catch (thrown) {
      const error = asApiError(thrown);
      const { base } = this.state.now;
      if (error.code !== "NOT_FOUND") {
        this.#failed(error);
        return;
      }
      this.#failed(undefined);
      if (this.#blank && (base?.revision ?? 0) === 0) this.#meet(this.#blank, 0, false, by);
      else this.#set(base ? { deleted: true } : { error });
    }
  }

  /** What a read before this one said is over; what a save said is not. */
  #failed(fault: ApiError | undefined): void {
    const { error } = this.state.now;
    const before = this.#fault;
    this.#fault = fault;
    if (fault || error === before) this.#set({ error: fault });
  }

  #meet(theirs: Doc, revision: number, pending: boolean, by: number | undefined): void {
    const { base, mine, clashes, notice } = this.state.now;
    // An answer of before one's own write.
    if (base && revision < base.revision) return;
    const next = { base: { doc: theirs, revision }, pending, deleted: false };
    if (!base || !mine) {
      this.#set({ ...next, mine: theirs, error: undefined });
      return;
    }
    const met = rebase(base.doc, mine, theirs);
    const again = new Set(met.clashes.map(({ path }) => path));
    // One that is not decided yet stays, with what they have now; it is none any more when they came to the same.
    const held = clashes.flatMap((clash) => {
      const now = { ...clash, theirs: valueAt(theirs, clash.path) };
      return again.has(clash.path) || equal(now.theirs, valueAt(met.doc, clash.path)) ? [] : [now];
    });
    const open = [...held, ...met.clashes];
    // What the webserver gives to a new document nobody has changed.
    const adopted = met.adopted.filter((path) => !base.made || (path.split("/")[1] ?? "") in base.made);
    const news = adopted.length + met.clashes.length > 0;
    const told = news ? { notice: { by: by ?? authorOf(theirs), adopted: [...(notice?.adopted ?? []), ...adopted] } } : {};
    this.#set({ ...next, ...told, mine: met.doc, clashes: open });
  }

  #set(change: Partial<EditState>): void {
    this.state.set({ ...this.state.now, ...change });
  }
}

const authorOf = ({ lastModifiedBy }: Doc) => (typeof lastModifiedBy === "number" ? lastModifiedBy : undefined);
const moment = () => new Promise((resolve) => setTimeout(resolve, 200));
