/** The workload of a round: some users on each webserver. */
import { markOf } from "../check/history.ts";
import type { Webserver } from "../cluster/webserver.ts";
import type { Dice } from "../dice.ts";
import { logCollections, makeLog } from "./documents.ts";
import { Lane } from "./lane.ts";
import { Shared } from "./shared.ts";

const LANES_EACH = 3;

/** Makes the documents that all will work on, before anything is broken. Throws when one can't be made. */
export async function prepare(webservers: readonly Webserver[]): Promise<Shared> {
  const shared = new Shared();
  const [first] = webservers as [Webserver];
  const making = logCollections().map(async (collection, n) => {
    const made = await first.ask(makeLog(collection, n, markOf(shared.nextMark())));
    const { id, revision } = made?.answer ?? {};
    if (!id || typeof revision !== "number") throw new Error(`a document of ${collection} could not be made: ${made?.code}`);
    return { collection, id, revision };
  });
  for (const { collection, id, revision } of await Promise.all(making)) {
    shared.logs.push({ collection, id });
    shared.written({ collection, id, revision });
  }
  return shared;
}

/** Runs until the signal aborts, and resolves when all operations have an outcome. */
export async function work(webservers: readonly Webserver[], shared: Shared, dice: Dice, signal: AbortSignal): Promise<void> {
  const lanes = webservers.flatMap((webserver) =>
    Array.from({ length: LANES_EACH }, (_, n) => new Lane(webserver, webservers, dice.fork(`${webserver.name} ${n}`), shared)),
  );
  await Promise.all(lanes.map((lane) => lane.run(signal)));
}
