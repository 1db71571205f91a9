/** The deployment: what the datastore warns of, and how its webservers do. */
import type { PeerStatus } from "../../../bus/api.ts";
import { VERSION } from "../../../bus/platform/package.ts";
import { count, formatDuration } from "../numbers.ts";
import { connectObserver, type ObserverOptions } from "../observer.ts";
import type { Finding } from "./run.ts";

/** Throws what connectObserver throws. */
export async function deploymentFindings(options: ObserverOptions): Promise<Finding[]> {
  const { bus, status } = await connectObserver("doctor", options);
  await bus.close();
  const { generation, head, peers, warnings } = status;
  const where = options.target.datastore.join(", ");
  const found: Finding[] = [
    { about: "datastore", state: "good", message: `${where} answers: generation ${generation}, head ${head}` },
    ...warnings.map(({ code, message }) => ({ about: "datastore", state: "warning" as const, code, message })),
  ];
  if (peers.length === 0) found.push({ about: "webservers", state: "warning", message: "None has checked in lately." });
  return [...found, ...peers.flatMap(peerFindings)];
}

/** As it was at its last check-in. */
export function peerFindings({ webserver: about, state, seenMsAgo, version, deadLetters = 0 }: PeerStatus): Finding[] {
  const found: Finding[] = [];
  const warn = (message: string) => found.push({ about, state: "warning", message });
  if (state === "held")
    found.push({
      about,
      state: "bad",
      code: "HELD",
      message: "Its data and the datastore's do not belong together: it changes nothing. See `frontsync reseed`.",
    });
  else if (state !== "synced") warn(`It was ${state} ${formatDuration(seenMsAgo)} ago. Look again in a moment.`);
  if (deadLetters > 0)
    warn(
      `${count(deadLetters, "write")} of it ${deadLetters === 1 ? "was" : "were"} refused: see \`frontsync outbox ls\` there.`,
    );
  if (version !== VERSION) warn(`It runs frontsync ${version}; this is ${VERSION}. Upgrade what is older.`);
  return found.length > 0 ? found : [{ about, state: "good", message: `synced, seen ${formatDuration(seenMsAgo)} ago` }];
}
