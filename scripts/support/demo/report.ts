/** What the demo tells whoever started it. */
import type { Bus } from "../../../bus/api.ts";
import { alignedRows, count, formatDuration, percentile, rounded } from "../numbers.ts";
import type { Output } from "../output.ts";
import type { Arrival } from "./arrivals.ts";
import type { Session } from "./session.ts";

/** The addresses and folders, and what was there before. */
export function printStart(
  output: Output,
  { datastore, datastoreDir, webservers, balancer }: Session,
  alreadyThere: number,
): void {
  output.line(output.paint("bold", "A datastore, and three webservers behind a load balancer, on this machine"));
  const rows = [
    ["datastore", datastore.address],
    ["its data", datastoreDir],
    ["generation", datastore.generation],
    ["load balancer", balancer.address],
    ...webservers.flatMap(({ name, address, dir }) => [
      [name, address],
      ["its own database", dir],
    ]),
  ];
  for (const row of alignedRows(rows)) output.line(`  ${row}`);
  output.line();
  output.line(alreadyThere === 0 ? "No dashboards were there yet." : `${count(alreadyThere, "dashboard")} already there.`);
}

/** How long each dashboard took from one webserver to the other. */
export function printArrivals(output: Output, { writer, reader }: Session, arrivals: readonly Arrival[]): void {
  output.line(`Written on ${writer.name}, and in ${reader.name}'s own database after:`);
  for (const row of alignedRows(
    arrivals.map(({ name, visibleMs }) => [formatDuration(visibleMs), name]),
    [0],
  )) {
    output.line(`  ${output.paint("green", row)}`);
  }
}

/** How to take part, and how to end it. */
export function printHowTo(output: Output, { datastore: { address }, webservers, balancer }: Session): void {
  const others = webservers.map((webserver) => webserver.address);
  output.line();
  output.line(output.paint("bold", `Open ${balancer.address}`));
  output.line("It sends you to one of the webservers. Log in there, and look from another: the session counts on all of them.");
  output.line(
    `  token=$(curl -s ${balancer.address}/api/login -H 'Content-Type: application/json' -d '{"User":"admin","Pass":"changeme"}' | sed 's/.*"JWT":"\\([^"]*\\)".*/\\1/')`,
  );
  output.line(`  curl -s ${others.at(-1)}/api/dashboards -H "Authorization: Bearer $token"`);
  output.line(`What else there is: ${balancer.address}/api/openapi.json`);
  output.line();
  output.line("A bus of your own sees every change, from the first on:");
  output.line('  import { connectBus } from "frontsync/bus";');
  output.line(`  const bus = await connectBus({ datastore: "${address}", webserver: "web4", dir: "./web4" });`);
  output.line('  for await (const { op, id } of bus.collection("dashboards").changes({ since: 0 })) console.log(op, id);');
  output.line();
  output.line(`Look at it with \`frontsync status --datastore ${address}\`. Ctrl-C stops it.`);
}

/** The same as one JSON line. */
export function startedFigures(
  { datastore, datastoreDir, webservers, reader, balancer }: Session,
  alreadyThere: number,
  arrivals: readonly Arrival[],
): object {
  const visible = arrivals.map(({ visibleMs }) => visibleMs);
  return {
    event: "started",
    address: balancer.address,
    datastore: { address: datastore.address, generation: datastore.generation, dir: datastoreDir, pids: datastore.pids },
    webservers: webservers.map(({ name, address, dir }) => ({ webserver: name, address, dir })),
    alreadyThere,
    dashboards: arrivals.map(({ visibleMs, ...arrival }) => ({ ...arrival, visibleMs: rounded(visibleMs) })),
    visibleMs: { p50: rounded(percentile(visible, 0.5)), max: rounded(Math.max(...visible)) },
    warnings: reader.bus.status().warnings,
  };
}

/** Prints each warning of this bus once, when it first appears, and each change of its state. Returns the end of it. */
export function followStatus(output: Output, name: string, bus: Bus, printed: Set<string>): () => void {
  let last = bus.status().state;
  const look = () => {
    const { state, warnings } = bus.status();
    for (const { code, message } of warnings) {
      if (printed.has(`${code} ${message}`)) continue;
      printed.add(`${code} ${message}`);
      output.note(`${output.paint("yellow", "warning")} ${code}: ${message}`);
    }
    if (state !== last) output.line(`${name} is ${state}.`);
    last = state;
  };
  look();
  return bus.onStatus(look);
}
