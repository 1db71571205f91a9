/** What `frontsync drain` does, on a bus of its own. */
import type { Bus } from "../../../bus/api.ts";
import { FrontsyncError } from "../../../schemas/errors.ts";
import type { Context } from "../cli.ts";
import type { Target } from "../config/target.ts";
import { connectObserver } from "../observer.ts";
import { inTemporaryFolder } from "../temporary-folder.ts";

export interface Job {
  /** undefined: list them. */
  webserver: string | undefined;
  undo: boolean;
}

const MAX_LISTED = 1000;
const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** Throws BAD_CONFIG for what is no webserver's id, NOT_FOUND for one that there is not, or that is not drained, and what the bus throws. */
export async function runDrain({ webserver, undo }: Job, target: Target, context: Context): Promise<void> {
  const { output, stop } = context;
  if (webserver === undefined && undo) throw new FrontsyncError("BAD_CONFIG", "Name the webserver that is to get users again.");
  if (webserver !== undefined && !NAME.test(webserver))
    throw new FrontsyncError(
      "BAD_CONFIG",
      `A webserver's id is 1 to 64 characters of [A-Za-z0-9_-], not ${JSON.stringify(webserver)}.`,
    );
  await inTemporaryFolder(async (dir) => {
    const { bus, status } = await connectObserver("drain", { target, dir, signal: stop.signal });
    try {
      await bus.caughtUp(null, { signal: stop.signal });
      if (webserver !== undefined && undo) await bus.collection("drains").delete(webserver);
      else if (webserver !== undefined)
        await drain(
          bus,
          webserver,
          status.peers.map((peer) => peer.webserver),
          stop.signal,
        );
      const drained = await listed(bus);
      output.figures({ drained });
      if (webserver !== undefined)
        output.line(
          undo
            ? `${webserver} gets users again.`
            : `${webserver} gets no users any more, until \`frontsync drain ${webserver} --undo\`.`,
        );
      output.line(drained.length === 0 ? "No webserver is drained." : `Drained: ${drained.join(", ")}`);
    } finally {
      await bus.close();
    }
  });
}

async function drain(bus: Bus, webserver: string, there: readonly string[], signal: AbortSignal): Promise<void> {
  if (!there.includes(webserver))
    throw new FrontsyncError(
      "NOT_FOUND",
      `The datastore has not heard of a webserver "${webserver}" lately; it has of ${there.join(", ") || "none"}.`,
    );
  await bus.collection("drains").put({ id: webserver }, { signal });
}

async function listed(bus: Bus): Promise<string[]> {
  const { items } = await bus.collection("drains").list({ limit: MAX_LISTED });
  return items.map(({ id }) => id).sort();
}
