/** A user of the webservers: one operation after the other, on one of them, until it is enough. Operations whose outcome is not known are asked
 *  again under their mutation id, there or elsewhere. */
import { type Asked, markOf } from "../check/history.ts";
import { pause } from "../clock.ts";
import type { Outcome, Webserver } from "../cluster/webserver.ts";
import type { Dice } from "../dice.ts";
import { hashOf } from "../under-test/content.ts";
import { churn, churnPlace, going, isOffline, lasting, type Place, patchLog } from "./documents.ts";
import type { Shared } from "./shared.ts";

const BETWEEN_MS = [15, 90] as const;
const DOWN_MS = 50;
const RETRIES = 3;
const RETRYABLE = ["TIMEOUT", "OUTCOME_UNKNOWN", "DATASTORE_UNREACHABLE", "INTERNAL", "CLOSED", "DISK_FULL", "HELD", "SEEDING"];
const CONTENT_BYTES = 300_000;
const RESOURCES = 4;
const ADMIN = { user: "admin", password: "changeme" };

type Writing = Extract<Asked, { kind: "put" | "patch" | "delete" | "upload" }>;

export class Lane {
  readonly #home: Webserver;
  readonly #others: readonly Webserver[];
  readonly #dice: Dice;
  readonly #shared: Shared;
  readonly #actions: readonly { weight: number; act: () => Promise<unknown> }[];

  constructor(home: Webserver, webservers: readonly Webserver[], dice: Dice, shared: Shared) {
    this.#home = home;
    this.#others = webservers.filter((other) => other !== home);
    this.#dice = dice;
    this.#shared = shared;
    this.#actions = [
      { weight: 30, act: () => this.#patchLog() },
      { weight: 16, act: () => this.#write(this.#home, churn(dice, churnPlace(dice), this.#mark()) as Writing) },
      { weight: 12, act: () => this.#write(this.#home, lasting(dice, this.#mark())) },
      { weight: 5, act: () => this.#makeAndDelete() },
      { weight: 18, act: () => this.#readElsewhere() },
      { weight: 8, act: () => this.#home.ask({ kind: "read", ...dice.pick(shared.logs) }) },
      { weight: 4, act: () => this.#home.ask({ kind: "list", collection: dice.pick(shared.logs).collection }) },
      { weight: 4, act: () => this.#home.ask({ kind: "digests" }) },
      { weight: 2, act: () => this.#upload() },
      { weight: 2, act: () => this.#home.ask({ kind: "open", id: this.#resource() }) },
      { weight: 1, act: () => this.#login() },
      { weight: 1, act: () => this.#setMembers() },
    ];
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#home.isOpen) await this.#any();
      else await pause(DOWN_MS, signal);
      await pause(this.#dice.number(...BETWEEN_MS), signal);
    }
  }

  async #any(): Promise<void> {
    let at = this.#dice.number(
      0,
      this.#actions.reduce((sum, { weight }) => sum + weight, 0),
    );
    for (const { weight, act } of this.#actions) {
      at -= weight;
      if (at < 0) return void (await act());
    }
  }

  #mark(): string {
    return markOf(this.#shared.nextMark());
  }

  #patchLog(): Promise<unknown> {
    return this.#write(this.#home, patchLog(this.#dice.pick(this.#shared.logs), this.#mark()));
  }

  /** Asks, and asks again when the outcome is not known and the write has a name by which it can be known. */
  async #write(at: Webserver, wanted: Writing): Promise<{ outcome: Outcome; asked: Writing } | undefined> {
    const named = this.#dice.chance(0.3) ? { mutationId: `user:${this.#shared.nextMark()}` } : {};
    let asked: Writing = { ...wanted, ...named };
    const first = await at.ask(asked);
    let outcome = first;
    for (let n = 0; n < RETRIES && outcome && outcome.kind !== "ok"; n++) {
      const mutationId = asked.mutationId ?? outcome.answer.mutationId;
      if (mutationId === undefined || (outcome.kind === "failed" && !RETRYABLE.includes(outcome.code ?? ""))) break;
      asked = { ...asked, mutationId };
      await pause(this.#dice.number(50, 500));
      const where = this.#dice.chance(0.5) ? at : this.#dice.pick(this.#others);
      outcome = (await where.ask(asked, first?.op)) ?? outcome;
    }
    if (outcome?.kind === "ok") this.#note(asked, outcome);
    return outcome && { outcome, asked };
  }

  #note(asked: Writing, { answer: { id, revision } }: Outcome): void {
    const collection = asked.kind === "upload" ? "resources" : asked.collection;
    if (id && typeof revision === "number") this.#shared.written({ collection, id, revision });
  }

  /** Made by one, deleted by another, looked for by a third, and then its making is asked for again. */
  async #makeAndDelete(): Promise<void> {
    const asked = going(this.#dice, this.#mark());
    const made = await this.#write(this.#home, asked);
    const { revision, mutationId } = made?.outcome.kind === "ok" ? made.outcome.answer : {};
    if (!made || typeof revision !== "number" || mutationId === undefined) return;
    const { collection, id } = asked;
    const [deleter, reader] = this.#dice.shuffled([this.#home, ...this.#others]) as [Webserver, Webserver];
    const there = await deleter.ask({ kind: "read", collection, id, revision });
    if (there?.kind !== "ok") return;
    const gone = await this.#write(deleter, { kind: "delete", collection, id, role: "gone" });
    const tombstone = gone?.outcome.kind === "ok" ? gone.outcome.answer.revision : undefined;
    if (typeof tombstone !== "number") return;
    await reader.ask({ kind: "read", collection, id, revision: tombstone });
    if (this.#dice.chance(0.5)) await reader.ask({ ...asked, mutationId }, made.outcome.op);
  }

  async #readElsewhere(): Promise<void> {
    const written = this.#shared.recent(this.#dice);
    if (written) await this.#dice.pick(this.#others).ask({ kind: "read", ...written });
  }

  async #upload(): Promise<void> {
    const mark = this.#mark();
    const bytes = this.#dice.whole(1, CONTENT_BYTES);
    await this.#write(this.#home, { kind: "upload", id: this.#resource(), bytes, mark, sha256: hashOf(mark, bytes) });
  }

  #resource(): string {
    return `resource${this.#dice.whole(0, RESOURCES)}`;
  }

  async #login(): Promise<void> {
    const right = this.#dice.chance(0.7);
    const request = right ? ADMIN : { ...ADMIN, password: "wrong" };
    await this.#home.ask({ kind: "call", name: "users.login", request });
  }

  async #setMembers(): Promise<void> {
    const idsIn = (name: string): number[] =>
      this.#shared.logs.filter((place: Place) => !isOffline(place) && place.collection === name).map(({ id }) => Number(id));
    const [gid, members] = [this.#dice.pick(idsIn("groups")), this.#dice.shuffled(idsIn("users")).slice(0, 1)];
    await this.#home.ask({ kind: "call", name: "groups.setMembers", request: { gid, members } });
  }
}
