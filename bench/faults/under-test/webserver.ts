// A webserver: a bus that does what the driver asks for over IPC, and tells what it hears. It ends when the driver does.
import { type Bus, connectBus, FrontsyncError } from "../../../bus/index.ts";
import { hooks } from "../../../bus/wire/hooks.ts";
import { breakBus, breakWebserver } from "../breaks/index.ts";
import type { FromWebserver, ToWebserver, WebserverOrder } from "../messages.ts";
import { answer, final } from "./asking.ts";

const TELL_MS = 50;

let opened: Promise<{ bus: Bus; order: WebserverOrder }> | undefined;
let lost = 0;

const say = (message: FromWebserver) => process.connected && process.send?.(message);

process.on("message", (message: ToWebserver) => {
  if (message.type === "open") {
    opened = open(message.order);
    opened.then(
      () => say({ type: "open" }),
      (error: unknown) => {
        say({ type: "failed", message: String(error) });
        setTimeout(() => process.exit(1), 100);
      },
    );
  } else if (message.type === "lose") {
    const { share } = message;
    hooks.loseLive = share === 0 ? undefined : () => Math.random() < share && ++lost > 0;
  } else void work(message);
});
process.on("disconnect", () => process.exit(1));

async function open(order: WebserverOrder): Promise<{ bus: Bus; order: WebserverOrder }> {
  const { datastore, webserver, dir, updateInterval, collections, broken } = order;
  breakWebserver(broken, order);
  const externalAddr = `${webserver}.test:443`;
  const bus = breakBus(broken, await connectBus({ datastore, webserver, dir, updateInterval, externalAddr }), order);
  tellChanges(bus, collections);
  setInterval(() => tellStatus(bus), TELL_MS);
  let told: string | undefined;
  bus.onStatus(({ state }) => {
    if (state !== told) tellStatus(bus);
    told = state;
  });
  return { bus, order };
}

async function work(message: Exclude<ToWebserver, { type: "open" | "lose" }>): Promise<void> {
  const { n } = message;
  try {
    if (!opened) throw new Error("it is not open");
    const { bus, order } = await opened;
    if (message.type === "ask") say({ type: "answer", n, answer: await answer(bus, message.asked) });
    else if (message.type === "final") say({ type: "final", n, final: await final(bus, order.collections) });
    else {
      await bus.close();
      say({ type: "closed", n });
    }
  } catch (error) {
    const { code, mutationId } = error instanceof FrontsyncError ? error : { code: "NOT_OURS", mutationId: undefined };
    say({ type: "refused", n, code, message: String(error), ...(mutationId !== undefined && { mutationId }) });
  }
}

function tellStatus(bus: Bus): void {
  const { state, cursor, pending, warnings } = bus.status();
  const status = { state, cursor, pending, lost, warnings: warnings.map(({ code }) => code), clock: Date.now() };
  say({ type: "status", status });
}

function tellChanges(bus: Bus, collections: readonly string[]): void {
  let waiting: Extract<FromWebserver, { type: "changes" }>["changes"][number][] = [];
  setInterval(() => {
    if (waiting.length > 0) say({ type: "changes", changes: waiting });
    waiting = [];
  }, TELL_MS);
  const follow = async (collection: string) => {
    for await (const { id, revision, op } of bus.collection(collection).changes({ since: 0 }))
      waiting.push({ collection, id, revision, deleted: op === "delete" });
  };
  for (const collection of collections) follow(collection).catch((error: unknown) => console.error(collection, error));
}
