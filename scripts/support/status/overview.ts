/** What the datastore tells an observer at its first check-in. */
import type { Status } from "../../../bus/api.ts";
import type { Context } from "../cli.ts";
import type { Target } from "../config/target.ts";
import { alignedRows, count, formatDuration } from "../numbers.ts";
import { connectObserver, type ObserverOptions } from "../observer.ts";
import type { Output } from "../output.ts";
import { inTemporaryFolder } from "../temporary-folder.ts";

export interface Overview {
  datastore: readonly string[];
  generation: string | null;
  head: number | null;
  /** lag: how many revisions are between the webserver's position, as it last told it, and the head. */
  peers: (Status["peers"][number] & { lag: number })[];
  warnings: Status["warnings"];
}

/** Prints what the datastore tells an observer. Throws what connectObserver throws. */
export async function showOverview(target: Target, { output, stop }: Context): Promise<void> {
  const overview = await inTemporaryFolder((dir) => readOverview({ target, dir, signal: stop.signal }));
  output.figures(overview);
  printOverview(output, overview);
}

async function readOverview(options: ObserverOptions): Promise<Overview> {
  const { datastore } = options.target;
  const { bus, status } = await connectObserver("status", options);
  try {
    const { generation, head, peers, warnings } = status;
    const lagOf = (cursor: number) => Math.max(0, (head ?? cursor) - cursor);
    return { datastore, generation, head, peers: peers.map((peer) => ({ ...peer, lag: lagOf(peer.cursor) })), warnings };
  } finally {
    await bus.close();
  }
}

function printOverview(output: Output, { datastore, generation, head, peers, warnings }: Overview): void {
  const facts = [
    ["datastore", datastore.join(", ")],
    ["generation", String(generation)],
    ["head", String(head)],
    ["webservers", peers.length === 0 ? "none has checked in" : String(peers.length)],
  ];
  for (const row of alignedRows(facts)) output.line(row);
  const rows = peers.map((peer) => [
    peer.webserver,
    peer.state,
    String(peer.cursor),
    peer.lag === 0 ? "none" : count(peer.lag, "revision"),
    `${formatDuration(peer.seenMsAgo)} ago`,
    peer.version,
    peer.externalAddr,
  ]);
  if (rows.length > 0) {
    const [header = "", ...lines] = alignedRows([
      ["webserver", "state", "position", "lag", "seen", "version", "address"],
      ...rows,
    ]);
    output.line();
    output.line(output.paint("bold", header));
    for (const [i, line] of lines.entries()) output.line(peers[i]?.state === "synced" ? line : output.paint("yellow", line));
  }
  for (const { code, message } of warnings) output.line(`${output.paint("yellow", "warning")} ${code}: ${message}`);
}
