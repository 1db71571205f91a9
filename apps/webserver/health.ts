/** Whether this webserver should get users. */
import type { Bus, HealthReply } from "../../bus/index.ts";

/** Revisions that it may be behind. */
const MAX_BEHIND = 10_000;

export class Health {
  readonly #bus: Bus;
  readonly #webserver: string;
  /** It stops soon: no new users. */
  draining = false;

  constructor(bus: Bus, webserver: string) {
    this.#bus = bus;
    this.#webserver = webserver;
  }

  async look(): Promise<HealthReply> {
    const { state } = this.#bus.status();
    const reason = this.draining ? "this webserver is stopping" : (this.#unfit() ?? (await this.#drained()));
    return { ready: reason === undefined, webserver: this.#webserver, ...(reason !== undefined && { reason }), state };
  }

  async #drained(): Promise<string | undefined> {
    const drain = await this.#bus.collection("drains").get(this.#webserver);
    return drain && "it is drained (`frontsync drain --undo` ends that)";
  }

  #unfit(): string | undefined {
    const { state, generation, cursor, head } = this.#bus.status();
    if (state === "held") return "it is held: the datastore does not know what is here";
    // Without contact it serves what it has; when that is nothing, it is of no use.
    if (generation === null && cursor === 0) return "it has had no contact with the datastore yet";
    if (state === "catching-up" && (head ?? 0) - cursor > MAX_BEHIND) return "it is catching up";
    return undefined;
  }
}
