/** Asks a webserver again and again how it does. */
import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import type { HealthReply } from "../../bus/index.ts";
import type { Backend, Health } from "./backend.ts";

/** Between two questions, ms: while all is well, and while it does not answer. */
const EVERY_MS = { well: 2000, down: 500 };
const ANSWER_MS = 3000;
/** One slow answer is none. */
const SLOW = 2;
const MAX_ANSWER = 16 * 1024;
const MAX_REASON = 200;

export class Probe {
  readonly #backend: Backend;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #found: (health: Health) => void;
  #timer: NodeJS.Timeout | undefined;
  #underway: Promise<void> | undefined;
  #slow = 0;
  #closed = false;

  /** `found` is called after each answer; `via` goes with each question, so that a balancer knows its own. */
  constructor(backend: Backend, via: string, found: (health: Health) => void) {
    this.#backend = backend;
    this.#headers = { host: backend.at, via: `1.1 ${via}`, accept: "application/json" };
    this.#found = found;
  }

  /** Asks now, once at a time. Resolves with the answer noted. */
  now(): Promise<void> {
    clearTimeout(this.#timer);
    this.#underway ??= this.#run().finally(() => {
      this.#underway = undefined;
      const { kind } = this.#backend.health;
      if (!this.#closed) this.#timer = setTimeout(() => void this.now(), kind === "down" ? EVERY_MS.down : EVERY_MS.well);
    });
    return this.#underway;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    const health = await this.#ask();
    if (!this.#closed && health) this.#found(health);
  }

  /** undefined: it was slow this once, which says nothing yet. */
  async #ask(): Promise<Health | undefined> {
    try {
      const { status, body } = await this.#get("/api/health");
      this.#slow = 0;
      const another = this.#backend.fixed ? undefined : await this.#otherThan(this.#backend.name, body);
      if (another !== undefined) return { kind: "another", reason: another };
      const { ready, reason, state } = body as Partial<HealthReply>;
      return {
        kind: "answers",
        // One that does not speak as ours do says it by the status alone.
        ready: ready !== false && status < 500,
        ...(typeof reason === "string" && { reason: reason.slice(0, MAX_REASON) }),
        ...(isState(state) && { state }),
      };
    } catch (error) {
      const slow = error instanceof Slow && ++this.#slow < SLOW && this.#backend.health.kind === "answers";
      return slow ? undefined : { kind: "down", reason: whyOf(error) };
    }
  }

  /** Who has not said that it is this one. A webserver of a version before says so elsewhere. */
  async #otherThan(name: string, health: Partial<HealthReply>): Promise<string | undefined> {
    const { webserver } = health.webserver !== undefined ? health : (await this.#get("/api/version")).body;
    if (webserver === name) return undefined;
    const who = typeof webserver === "string" ? `the webserver '${webserver.slice(0, 64)}'` : "no webserver";
    return `at ${this.#backend.at} there is ${who}, not '${name}'`;
  }

  async #get(path: string): Promise<{ status: number; body: Record<string, unknown> }> {
    const asking = request({ agent: this.#backend.agent, path, headers: this.#headers });
    // What comes after its end is of no interest.
    asking.on("error", () => {});
    const late = setTimeout(() => asking.destroy(new Slow(ANSWER_MS)), ANSWER_MS);
    try {
      return await answerOf(asking.end());
    } finally {
      clearTimeout(late);
    }
  }
}

async function answerOf(asking: ClientRequest): Promise<{ status: number; body: Record<string, unknown> }> {
  const [answer] = (await once(asking, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of answer.setEncoding("utf8")) {
    text += String(chunk);
    if (text.length > MAX_ANSWER) throw new Error("its health is longer than any");
  }
  return { status: answer.statusCode ?? 0, body: objectOf(text) };
}

function objectOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function isState(state: unknown): state is HealthReply["state"] {
  return state === "synced" || state === "catching-up" || state === "degraded" || state === "held";
}

class Slow extends Error {
  constructor(ms: number) {
    super(`it does not answer within ${ms} ms`);
  }
}

/** Why a connection, or an answer, did not come. */
export function whyOf(error: unknown): string {
  const { code, message } = (error ?? {}) as NodeJS.ErrnoException;
  if (code === "ECONNREFUSED") return "nobody listens there";
  if (code === "ECONNRESET" || code === "EPIPE") return "it broke the connection off";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "its name is not known";
  if (code === "EHOSTUNREACH" || code === "ENETUNREACH") return "there is no way to it";
  return String(message ?? error).slice(0, MAX_REASON);
}
