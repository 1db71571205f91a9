/** Named functions, such as users.login: asked once, never queued. */
import { FrontsyncError } from "../schemas/errors.ts";
import type { Schemas } from "../schemas/index.ts";
import type { Calls } from "../schemas/types.ts";
import type { CallOptions, State } from "./api.ts";
import type { Link } from "./link.ts";
import { DEFAULT_TIMEOUT_MS, within } from "./platform/deadline.ts";

export interface CallParts {
  schemas: Schemas;
  link: Link;
  state(): State;
  mutationId(given: string | undefined): string;
  /** Resolves when this replica holds a revision, or the signal aborts. */
  holds(revision: number, signal: AbortSignal): Promise<void>;
}

export async function call<N extends keyof Calls>(
  { schemas, link, state, mutationId, holds }: CallParts,
  name: N,
  request: Calls[N]["request"],
  { timeoutMs = DEFAULT_TIMEOUT_MS, signal, mutationId: given, by = 0 }: CallOptions = {},
): Promise<Calls[N]["reply"]> {
  if (!schemas.calls.has(name)) {
    const known = [...schemas.calls].join(", ");
    throw new FrontsyncError(
      "UNKNOWN_CALL",
      `There is no function ${JSON.stringify(String(name).slice(0, 80))}; there are ${known}.`,
    );
  }
  signal?.throwIfAborted();
  const asked = schemas.read(`${name}.request`, JSON.stringify({ ...request, mutation: mutationId(given), by }));
  if (state() === "held")
    throw new FrontsyncError("HELD", `${name} is not asked while this webserver is held. See status().warnings.`);
  if (state() === "degraded")
    throw new FrontsyncError(
      "DATASTORE_UNREACHABLE",
      `${name} needs the datastore, and there is no contact with it; nothing was sent.`,
    );
  const over = new AbortController();
  try {
    return await within(ask(), `Calling ${name}`, { timeoutMs, ...(signal && { signal }) });
  } catch (error) {
    if (!(error instanceof FrontsyncError) || error.code !== "TIMEOUT") throw error;
    throw new FrontsyncError("OUTCOME_UNKNOWN", `${name} was sent, and no answer came: it may have happened.`, {
      mutationId: asked.mutation,
      cause: error,
    });
  } finally {
    over.abort();
  }

  async function ask(): Promise<Calls[N]["reply"]> {
    const reply = schemas.read(`${name}.reply`, await link.ask(name, undefined, asked, timeoutMs)) as Calls[N]["reply"];
    if ("revision" in reply) await holds(Number(reply.revision), over.signal);
    return reply;
  }
}
