/** A held webserver and the store that does not know its data: it says what it has, and does what it is answered. Either it waits for an
 *  operator's word, or it offers all its versions, or it takes over what the store has and keeps aside what the store has not. */
import type { CheckInReply, Epochs } from "../../schemas/types.ts";
import type { State } from "../api.ts";
import type { Follow } from "../follow.ts";
import { clock } from "../platform/clock.ts";
import { log } from "../platform/log.ts";
import type { Holds } from "../replica/methods.ts";
import { reachOf } from "../replica/position.ts";
import { HELD, HELD_HERE } from "../states.ts";
import { type OfferingParts, offerAll } from "./offering.ts";
import { KnownPeers } from "./peers.ts";

const BEGIN_TIMEOUT_MS = 5000;
/** When some of it was refused, all is offered again after this long. */
const AGAIN_MS = 60_000;

export interface ReseedParts extends Pick<OfferingParts, "link" | "schemas" | "replica"> {
  dir: string;
  webserver: string;
  follow(): Follow;
  /** Writes that are not up yet. */
  pending(): number;
  warn(code: string, message: string | undefined): void;
  /** Gives the datastore contents that it lacks. */
  heal(contents: readonly string[]): void;
  /** The conflict copies that are held may be others now. */
  reload(): Promise<void>;
  checkIn(): Promise<unknown>;
}

export class Reseed {
  readonly #parts: ReseedParts;
  readonly #peers: KnownPeers;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  /** Looked at once: while this webserver is held its rows stay as they are. */
  #holds: Holds | undefined;
  #adopting = false;
  #wanted: ReadonlySet<string> = new Set();
  /** The seeding that refused some of what was offered, and when it is offered again. */
  #refused: { seed: string; againAt: number; why: string } | undefined;

  constructor(parts: ReseedParts) {
    this.#parts = parts;
    this.#peers = new KnownPeers(parts.dir);
  }

  /** Another store is being read from its beginning, in the place of the one that was followed. Until that is done nothing is written there: of what
   *  it has of a document, a later write of this webserver would count as the end of all of its earlier ones, also of those that are lost with
   *  the other store, and they would not be kept aside. */
  get adopting(): boolean {
    return this.#adopting;
  }

  /** A restart found rows that were set back. */
  goOn(): void {
    this.#adopting = true;
  }

  close(): void {
    this.#stop.abort();
  }

  /** A check-in was answered. `good`: this webserver's data are of that store. */
  onCheckIn({ peers }: CheckInReply, good: boolean): void {
    const { webserver } = this.#parts;
    if (good) this.#peers.note(peers);
    else
      this.#running ??= this.#ask()
        // A datastore of before does not know the question; for others the next check-in asks again.
        .catch((error: unknown) => log.warn({ err: error, webserver }, "this webserver is held, and nothing goes on"))
        .finally(() => (this.#running = undefined));
  }

  onState(state: State): void {
    const { warn } = this.#parts;
    warn("HELD", state === "held" ? HELD : undefined);
    if (state === "held") this.#holds = undefined;
    if (state === "synced") void this.#settled().catch((error: unknown) => log.error({ err: error }, "re-seeding"));
  }

  get #isHeld(): boolean {
    return !this.#stop.signal.aborted && this.#parts.follow().state === "held";
  }

  async #ask(): Promise<void> {
    const { link, schemas, replica, warn } = this.#parts;
    this.#parts.follow().settle();
    this.#holds ??= await replica.call("holds", null);
    const { documents, newest, sample } = this.#holds;
    const { position } = this.#parts.follow();
    const { epoch = "", generation = epoch } = position;
    const claim = {
      position: { epoch, cursor: reachOf(position) },
      generation,
      documents,
      ...(newest !== undefined && { newest }),
      pending: this.#parts.pending(),
      peers: this.#peers.list(),
    };
    const reply = await link.ask("offer-begin", undefined, claim, BEGIN_TIMEOUT_MS, sample);
    const { what, why, seed = "", epochs } = schemas.read("offer-begin.reply", reply);
    if (!this.#isHeld) return;
    const waits = what === "offer" && this.#refused?.seed === seed ? this.#refused : undefined;
    warn("HELD", `${HELD_HERE} ${waits?.why ?? why}`);
    if (what === "wait" || (waits && clock.monotonic() < waits.againAt)) return;
    const adopted = what === "offer" ? await this.#offer(seed, generation, documents) : epochs;
    if (adopted && this.#isHeld) await this.#adopt(adopted);
  }

  async #offer(seed: string, generation: string, documents: number): Promise<Epochs | undefined> {
    const { webserver, warn } = this.#parts;
    log.warn({ webserver, documents, seeding: seed }, "this webserver's data are offered to the datastore");
    const parts = { ...this.#parts, stop: this.#stop.signal, goesOn: () => this.#isHeld };
    const { refused, told, wanted, epochs } = await offerAll(parts, { seed, generation, documents });
    this.#wanted = wanted;
    if (refused > 0) {
      const why = `The datastore refuses ${refused} of its ${documents} documents, and has the others: ${told.join("; ")}. Mend that, or let it take over the datastore's state: \`frontsync reseed --replace\` keeps what is refused aside.`;
      this.#refused = { seed, againAt: clock.monotonic() + AGAIN_MS, why };
      warn("HELD", `${HELD_HERE} ${why}`);
    }
    return epochs;
  }

  /** From here on that store is followed, from its beginning. The rows stay until their documents come. */
  async #adopt([first]: Epochs): Promise<void> {
    const { follow, replica, checkIn } = this.#parts;
    const { epoch } = first ?? {};
    const position = { epoch, generation: epoch, cursor: 0, consistent: 0 };
    const own = { ...follow().position, cursor: 0, consistent: 0, held: 0 };
    this.#adopting = true;
    await replica.call("setBack", position);
    // Its own store may have come back just now: then that one is read anew.
    follow().adopt(this.#isHeld ? position : own);
    await checkIn();
  }

  /** Everything that the store has is here: what has not come again goes, and is kept aside. */
  async #settled(): Promise<void> {
    const { replica, warn, heal, reload, webserver, checkIn } = this.#parts;
    this.#refused = undefined;
    const adopted = this.#adopting;
    this.#adopting = false;
    // The datastore, and whoever watches there, learns of it now; and what waits goes up.
    if (adopted) void checkIn();
    const wanted = [...this.#wanted];
    this.#wanted = new Set();
    if (wanted.length > 0) heal(wanted);
    const { count, file } = await replica.call("giveUp", null);
    if (count === 0) return;
    await reload();
    log.warn({ webserver, count, file }, "versions that the datastore does not have were set aside");
    warn(
      "SET_ASIDE",
      `${count} versions that the datastore does not have were kept aside in ${file}, and are not shown any more.`,
    );
  }
}
