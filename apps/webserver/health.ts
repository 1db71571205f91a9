/** Whether this webserver should get users. */
import type { Bus, HealthReply } from "../../bus/index.ts";

/** Revisions that it may be behind. */
const MAX_BEHIND = 10_000;

export class Health {
  readonly #bus: Bus;
  readonly #webserver: string;
  /** It stops soon. */
  stopping = false;
  /** An operator says that it should get no users. */
  drained = false;

  constructor(bus: Bus, webserver: string) {
    this.#bus = bus;
    this.#webserver = webserver;
  }

  /** No new users. */
  get draining(): boolean {
    return this.stopping || this.drained;
  }

  look(): HealthReply {
    const { state } = this.#bus.status();
    const reason = this.#unfit();
    return { ready: reason === undefined, webserver: this.#webserver, ...(reason !== undefined && { reason }), state };
  }

  #unfit(): string | undefined {
    if (this.stopping) return "this webserver is stopping";
    if (this.drained) return "it is drained (`frontsync drain --undo` ends that)";
    const { state, generation, cursor, head } = this.#bus.status();
    if (state === "held") return "it is held: the datastore does not know what is here";
    // Without contact it serves what it has; when that is nothing, it is of no use.
    if (generation === null && cursor === 0) return "it has had no contact with the datastore yet";
    if (state === "catching-up" && (head ?? 0) - cursor > MAX_BEHIND) return "it is catching up";
    return undefined;
  }
}
