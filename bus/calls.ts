/** Named functions, such as users.login: asked once, never queued. A few are answered by this webserver itself while it has no contact. */
import { FrontsyncError } from "../schemas/errors.ts";
import type { Schemas } from "../schemas/index.ts";
import type { Calls } from "../schemas/types.ts";
import type { CallOptions, State } from "./api.ts";
import type { Link } from "./link.ts";
import { checkWait, DEFAULT_TIMEOUT_MS, within } from "./platform/deadline.ts";
import { REACHABLE } from "./states.ts";

/** An answer that takes longer may be one that never comes: it is looked whether anybody is there, ms. */
const IMPATIENT_MS = 2000;

export interface CallParts {
  schemas: Schemas;
  link: Link;
  state(): State;
  mutationId(given: string | undefined): string;
  /** Resolves when this replica holds a revision, or the signal aborts. */
  holds(revision: number, signal: AbortSignal): Promise<void>;
  /** Resolves when there is no contact with the right datastore, or the signal aborts. */
  away(signal: AbortSignal): Promise<void>;
  /** Looks whether the datastore answers. */
  checkIn(): Promise<boolean>;
  /** Whether the bus is being closed: the connection goes first. */
  closed(): boolean;
  /** How this webserver answers a call while it has no contact; undefined: it can't. */
  alone(name: keyof Calls, request: object): (() => Promise<unknown>) | undefined;
}

export async function call<N extends keyof Calls>(
  parts: CallParts,
  name: N,
  request: Calls[N]["request"],
  options: CallOptions = {},
): Promise<Calls[N]["reply"]> {
  checkWait(options);
  const { timeoutMs = DEFAULT_TIMEOUT_MS, signal, mutationId: given, by = 0 } = options;
  const { schemas, link, state, mutationId, holds, away, checkIn } = parts;
  if (!schemas.calls.has(name)) {
    const known = [...schemas.calls].join(", ");
    throw new FrontsyncError(
      "UNKNOWN_CALL",
      `There is no function ${JSON.stringify(String(name).slice(0, 80))}; there are ${known}.`,
    );
  }
  signal?.throwIfAborted();
  const asked = schemas.read(`${name}.request`, JSON.stringify({ ...request, mutation: mutationId(given), by }));
  const alone = parts.alone(name, asked);
  const over = new AbortController();
  try {
    return await within(answered(), `Calling ${name}`, { timeoutMs, ...(signal && { signal }) });
  } catch (error) {
    if (!(error instanceof FrontsyncError)) throw error;
    const about = { mutationId: asked.mutation, cause: error };
    if (parts.closed()) throw new FrontsyncError("CLOSED", "The bus was closed.", about);
    if (error.code !== "TIMEOUT") throw error;
    throw new FrontsyncError("OUTCOME_UNKNOWN", `${name} was sent, and no answer came: it may have happened.`, about);
  } finally {
    over.abort();
  }

  async function answered(): Promise<Calls[N]["reply"]> {
    if (!REACHABLE.has(state())) return await withoutContact();
    try {
      return await (alone ? Promise.race([ask(), contactLost()]) : ask());
    } catch (error) {
      // Nobody serves it: perhaps nobody is there at all.
      if (error instanceof FrontsyncError && error.code === "DATASTORE_UNREACHABLE") await checkIn();
      if (!alone || REACHABLE.has(state())) throw error;
      return (await alone()) as Calls[N]["reply"];
    }
  }

  async function ask(): Promise<Calls[N]["reply"]> {
    const impatient = setTimeout(() => void checkIn(), IMPATIENT_MS);
    const bytes = await link.ask(name, undefined, asked, timeoutMs).finally(() => clearTimeout(impatient));
    const reply = schemas.read(`${name}.reply`, bytes) as Calls[N]["reply"];
    if ("revision" in reply) await holds(Number(reply.revision), over.signal);
    return reply;
  }

  async function contactLost(): Promise<never> {
    await away(over.signal);
    throw new FrontsyncError("TIMEOUT", "Contact with the datastore was lost before an answer came.");
  }

  async function withoutContact(): Promise<Calls[N]["reply"]> {
    if (alone) return (await alone()) as Calls[N]["reply"];
    if (state() === "held")
      throw new FrontsyncError("HELD", `${name} is not asked while this webserver is held. See status().warnings.`);
    throw new FrontsyncError(
      "DATASTORE_UNREACHABLE",
      `${name} needs the datastore, and there is no contact with it; nothing was sent.`,
    );
  }
}
