/** Processes that end without a word, or hang. */
import { pause, until } from "../clock.ts";
import { freeze, isGone, send } from "../cluster/processes.ts";
import { defineFaults, type Means } from "./define.ts";

const DOWN_MS = [50, 1200] as const;
const HANG_MS = [300, 3500] as const;
const BACK_MS = 30_000;

export const PROCESS_FAULTS = defineFaults({
  "kill-webserver": {
    at: "webserver",
    remembers: true,
    text: "kill -9 of a webserver, and its start again",
    async inject({ webserver, dice }) {
      const { pid } = webserver;
      if (pid === undefined) return undefined;
      webserver.warm();
      await webserver.kill();
      const gone = await isGone(pid);
      await pause(dice.number(...DOWN_MS));
      await webserver.start();
      return gone ? `process ${pid} was gone` : undefined;
    },
  },
  "pause-webserver": {
    at: "webserver",
    text: "SIGSTOP of a webserver, then SIGCONT",
    inject: ({ webserver, dice }) => hang(webserver.pid, dice.number(...HANG_MS)),
  },
  "kill-handler": {
    at: "datastore",
    text: "kill -9 of a handler; the datastore starts it again",
    async inject({ cluster: { datastore }, dice }) {
      const { handlers } = datastore.pids;
      const pid = handlers.length > 0 ? dice.pick(handlers) : undefined;
      return await killedAndBack(
        pid,
        () => datastore.pids.handlers.length >= handlers.length && !datastore.pids.handlers.includes(pid ?? 0),
      );
    },
  },
  "pause-handler": {
    at: "datastore",
    text: "SIGSTOP of a handler, then SIGCONT",
    async inject({ cluster: { datastore }, dice }) {
      const { handlers } = datastore.pids;
      return handlers.length === 0 ? undefined : await hang(dice.pick(handlers), dice.number(...HANG_MS));
    },
  },
  "kill-nats-server": {
    at: "datastore",
    text: "kill -9 of nats-server; the datastore starts it again",
    async inject({ cluster: { datastore } }) {
      const { natsServer } = datastore.pids;
      return await killedAndBack(natsServer, () => ![undefined, natsServer].includes(datastore.pids.natsServer));
    },
  },
  "pause-nats-server": {
    at: "datastore",
    text: "SIGSTOP of nats-server, then SIGCONT",
    inject: ({ cluster: { datastore }, dice }) => hang(datastore.pids.natsServer, dice.number(...HANG_MS)),
  },
  "kill-supervisor": {
    at: "datastore",
    text: "kill -9 of the datastore's own process: all of it ends; and its start again",
    async inject({ cluster: { datastore }, dice }: Means) {
      const { supervisor } = datastore.pids;
      const gone = await datastore.killSupervisor();
      await pause(dice.number(...DOWN_MS));
      await datastore.start();
      return gone ? `process ${supervisor} was gone, and its children` : undefined;
    },
  },
});

async function hang(pid: number | undefined, ms: number): Promise<string | undefined> {
  if (pid === undefined) return undefined;
  try {
    const stopped = await freeze(pid);
    await pause(ms);
    return stopped ? `process ${pid} stood still for ${Math.round(ms)} ms` : undefined;
  } finally {
    send(pid, "SIGCONT");
  }
}

async function killedAndBack(pid: number | undefined, isBack: () => boolean): Promise<string | undefined> {
  if (pid === undefined) return undefined;
  send(pid, "SIGKILL");
  const gone = await isGone(pid);
  if (!(await until(BACK_MS, isBack))) throw new Error(`the datastore did not start another process in place of ${pid}`);
  return gone ? `process ${pid} was gone` : undefined;
}
