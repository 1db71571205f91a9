/** A bus for one command: it reads and writes, and is no webserver. */
import type { Bus, Status } from "../../bus/api.ts";
import { connectBus } from "../../bus/index.ts";
import { deferred, within } from "../../bus/platform/deadline.ts";
import { randomId } from "../../bus/platform/random.ts";
import { hooks } from "../../bus/wire/hooks.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import type { Target } from "./config/target.ts";

/** With what a start and an end take, also on a busy machine, the command has answered within 5 s. */
const ANSWER_MS = 3500;
const LOOK_MS = 50;

export interface ObserverOptions {
  target: Target;
  /** A folder for its replica. */
  dir: string;
  signal: AbortSignal;
}

/** Connects, in nobody's list of peers, and resolves with the datastore's first answer to a check-in. Throws DATASTORE_UNREACHABLE when
 *  there is none within 3.5 s, AUTH_REFUSED when the datastore does not take the secret, and what connectBus throws. */
export async function connectObserver(purpose: string, options: ObserverOptions): Promise<{ bus: Bus; status: Status }> {
  const { target, dir, signal } = options;
  const bus = await connectBus({
    ...target,
    webserver: `${purpose}-${randomId().slice(0, 8)}`,
    dir,
    // It does not live long enough to need them all.
    resources: "lazy",
  });
  try {
    return { bus, status: await firstAnswer(bus, signal) };
  } catch (error) {
    const { warnings } = bus.status();
    await bus.close();
    throw error instanceof FrontsyncError && error.code === "TIMEOUT" ? unreachable(warnings, target.datastore) : error;
  }
}

async function firstAnswer(bus: Bus, signal: AbortSignal): Promise<Status> {
  const answered = deferred<Status>();
  const look = () => {
    const status = bus.status();
    if (status.counters.checkIns > 0 && status.generation !== null && status.head !== null) answered.resolve(status);
  };
  const unsubscribe = bus.onStatus(look);
  // Not every count of a counter is a change of status.
  const timer = setInterval(look, LOOK_MS);
  try {
    look();
    return await within(answered.promise, "The first answer", { timeoutMs: hooks.answerMs ?? ANSWER_MS, signal });
  } finally {
    clearInterval(timer);
    unsubscribe();
  }
}

function unreachable(warnings: Status["warnings"], datastore: readonly string[]): FrontsyncError {
  const refused = warnings.find(({ code }) => code === "AUTH_REFUSED");
  if (refused) return new FrontsyncError("AUTH_REFUSED", refused.message);
  const reasons = warnings.map(({ message }) => ` ${message}`).join("");
  return new FrontsyncError(
    "DATASTORE_UNREACHABLE",
    `No datastore answers at ${datastore.join(", ")}. Check that it runs, and its address.${reasons}`,
  );
}
