/** The keys that sessions are signed with: documents like any other, so that a login on one webserver counts on all of them. This webserver
 *  follows them, and publishes another one when it is time; which of several webservers does it, a conditional write decides. */
import { type Bus, type Change, clock, FrontsyncError, log, random, randomId, type SigningKey } from "../../../bus/index.ts";
import { countingKeys, isRotationDue, type Lifetimes, type PublishedKey, signingKey } from "./lifetimes.ts";

const COLLECTION = "signingkeys";
const PLACES = ["0", "1", "2"] as const;
const SECRET_BYTES = 32;
const LOOK_MS = 60_000;
const READ_AGAIN_MS = 1000;

interface Held extends PublishedKey {
  id: string;
  revision: number;
}

export class SigningKeys {
  readonly #bus: Bus;
  readonly #lifetimes: Lifetimes;
  readonly #held = new Map<string, Held>();
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #unsubscribe: () => void = () => {};
  #rotating: Promise<void> | undefined;

  constructor(bus: Bus, lifetimes: Lifetimes) {
    this.#bus = bus;
    this.#lifetimes = lifetimes;
  }

  start(): void {
    void this.#follow();
    const look = () => {
      if (this.#bus.status().state === "synced")
        void this.#renew().catch((error: unknown) => log.warn({ err: error }, "no new signing key could be published"));
    };
    // The first one early: logins without contact need one.
    this.#unsubscribe = this.#bus.onStatus(({ state }) => {
      if (state === "synced" && this.#held.size === 0) look();
    });
    this.#timer = setInterval(look, LOOK_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#unsubscribe();
    this.#stop.abort();
  }

  /** The key to sign with; the first login of a deployment publishes the first one. Throws what a write throws. */
  async signer(): Promise<PublishedKey> {
    const known = this.#signing();
    if (known) return known;
    await this.#readAll();
    if (this.#held.size === 0) await this.rotate();
    const key = this.#signing();
    if (key) return key;
    throw new FrontsyncError(
      "DATASTORE_UNREACHABLE",
      "There is no key to sign sessions with yet, and the datastore is needed for one.",
    );
  }

  /** The secret of a key that counts; undefined: there is none of this name. */
  verifier(kid: string): Uint8Array | undefined {
    return countingKeys([...this.#held.values()], this.#lifetimes, clock.now()).find((key) => key.kid === kid)?.secret;
  }

  /** Publishes a new key, in the place of the oldest. When another webserver is faster, its key is as good. */
  rotate(): Promise<void> {
    this.#rotating ??= this.#publish().finally(() => (this.#rotating = undefined));
    return this.#rotating;
  }

  async #renew(): Promise<void> {
    await this.#readAll();
    if (isRotationDue([...this.#held.values()], this.#lifetimes, clock.now())) await this.rotate();
  }

  async #publish(): Promise<void> {
    await this.#readAll();
    const keys = this.#bus.collection(COLLECTION);
    const age = (place: string) => this.#held.get(place)?.publishedAt ?? 0;
    const place = PLACES.reduce((oldest, other) => (age(other) < age(oldest) ? other : oldest));
    const there = await keys.get(place);
    const key = { id: place, kid: randomId(), key: random.bytes(SECRET_BYTES).toString("base64url") };
    try {
      await keys.put(key, { ifRevision: there?.revision ?? 0 });
    } catch (error) {
      if (!(error instanceof FrontsyncError) || error.code !== "REVISION_CONFLICT") throw error;
      const winner = error.current as Change<SigningKey> | undefined;
      await this.#bus.caughtUp(winner?.revision);
    }
    await this.#readAll();
  }

  #signing(): Held | undefined {
    return signingKey([...this.#held.values()], this.#lifetimes, clock.now());
  }

  async #readAll(): Promise<void> {
    const { items } = await this.#bus.collection(COLLECTION).list();
    for (const { id, doc, revision } of items) this.#note(id, doc, revision);
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        for await (const { id, doc, revision } of this.#bus.collection(COLLECTION).changes({ since: 0, signal }))
          this.#note(id, doc, revision);
      } catch (error) {
        if (signal.aborted || (error instanceof FrontsyncError && error.code === "CLOSED")) return;
        log.warn({ err: error }, "the signing keys can't be followed");
      }
      await new Promise((resolve) => setTimeout(resolve, READ_AGAIN_MS).unref());
    }
  }

  #note(id: string, doc: SigningKey | undefined, revision: number): void {
    if (revision < (this.#held.get(id)?.revision ?? 0)) return;
    const publishedAt = Date.parse(doc?.updatedAt ?? "");
    // A backup without secrets brings keys back without their key.
    if (doc?.kid === undefined || doc.key === undefined || Number.isNaN(publishedAt)) this.#held.delete(id);
    else this.#held.set(id, { id, revision, kid: doc.kid, secret: Buffer.from(doc.key, "base64url"), publishedAt });
  }
}
