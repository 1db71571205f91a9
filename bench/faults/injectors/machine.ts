/** Clocks that jump, disks that are full, files that are torn, power that is cut. */
import { existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pause, until } from "../clock.ts";
import { isGone } from "../cluster/processes.ts";
import type { Dice } from "../dice.ts";
import { defineFaults, type Means } from "./define.ts";

/** Up to ten minutes, either way. */
const JUMP_MS = 600_000;
const JUMPED_MS = [500, 2000] as const;
const FULL_MS = [500, 2000] as const;
const CUT_OFF_MS = 600;
const SEEN_MS = 3000;

export const MACHINE_FAULTS = defineFaults({
  "clock-webserver": {
    at: "webserver",
    text: "a webserver's wall clock jumps by up to ten minutes, and back",
    inject: ({ webserver, dice }) => jump(webserver.clockFile, dice, () => webserver.status?.clock),
  },
  "clock-datastore": {
    at: "datastore",
    text: "the handlers' wall clock jumps by up to ten minutes, and back",
    inject: ({ cluster: { datastore }, dice }) => jump(datastore.clockFile, dice, () => datastore.pids.clock),
  },
  "torn-outbox": {
    at: "webserver",
    remembers: true,
    text: "kill -9 of a webserver without contact, half a line at the end of its outbox, and its start again",
    async inject({ webserver }) {
      webserver.proxy.refuse();
      try {
        await pause(CUT_OFF_MS);
        webserver.warm();
        await webserver.kill();
        const file = join(webserver.dir, "outbox");
        rmSync(`${file}.torn`, { force: true });
        const torn = tearOutbox(file);
        await webserver.start();
        return torn && existsSync(`${file}.torn`) ? "the torn line was found and set aside" : undefined;
      } finally {
        webserver.proxy.mend(false);
      }
    },
  },
  "torn-snapshot": {
    at: "webserver",
    remembers: true,
    text: "a webserver is closed, the tail of its snapshot is cut off, and it is started again",
    async inject({ webserver, dice }) {
      webserver.warm();
      await webserver.close();
      const file = join(webserver.dir, dice.pick(["users.db", "webstore.db"]));
      const size = existsSync(file) ? statSync(file).size : 0;
      if (size > 0) truncateSync(file, dice.whole(1, size));
      await webserver.start();
      const seen = await until(SEEN_MS, () => webserver.status?.warnings.includes("REPLICA_REBUILT"));
      return seen ? `a snapshot of ${size} bytes was torn, and set aside` : undefined;
    },
  },
  "disk-full": {
    at: "webserver",
    needs: "volume",
    text: "a webserver's disk is full for a while, without contact for half of it",
    async inject({ webserver, dice }) {
      const { volume, proxy } = webserver;
      if (!volume) return undefined;
      try {
        const taken = volume.fill();
        const full = volume.isFull;
        await pause(dice.number(...FULL_MS));
        proxy.refuse();
        await pause(dice.number(...FULL_MS));
        return full ? `${taken} bytes were taken, and none was left` : undefined;
      } finally {
        volume.free();
        proxy.mend(false);
      }
    },
  },
  "disk-full-datastore": {
    at: "datastore",
    needs: "volume",
    text: "the datastore's disk is full for a while",
    async inject({ cluster: { datastore }, dice }) {
      const { volume } = datastore;
      if (!volume) return undefined;
      try {
        const taken = volume.fill();
        const full = volume.isFull;
        await pause(dice.number(...FULL_MS));
        return full ? `${taken} bytes were taken, and none was left` : undefined;
      } finally {
        volume.free();
      }
    },
  },
  "power-cut-datastore": {
    at: "datastore",
    needs: "volume",
    text: "all of the datastore ends at once, and its disk has only what was fsynced",
    async inject({ cluster: { datastore } }) {
      if (!datastore.volume) return undefined;
      const gone = await datastore.killAll();
      datastore.volume.cutPower();
      await datastore.start();
      return gone ? "all processes were gone, and what was in memory alone with them" : undefined;
    },
  },
  "power-cut-webserver": {
    at: "webserver",
    remembers: true,
    needs: "volume",
    text: "a webserver ends, while it has no contact, and its disk has only what was fsynced",
    async inject({ webserver, dice }: Means) {
      const { pid, volume, proxy } = webserver;
      if (!volume || pid === undefined) return undefined;
      try {
        if (dice.chance(0.7)) proxy.refuse();
        await pause(CUT_OFF_MS);
        webserver.warm();
        await webserver.kill();
        const gone = await isGone(pid);
        volume.cutPower();
        await webserver.start();
        return gone ? "its process was gone, and what was in memory alone with it" : undefined;
      } finally {
        proxy.mend(false);
      }
    },
  },
  "power-cut-all": {
    at: "datastore",
    remembers: true,
    needs: "all-volumes",
    text: "the datastore and all webservers end at once, and their disks have only what was fsynced; then all of them start at once",
    async inject({ cluster: { datastore, webservers } }) {
      const volumes = [datastore, ...webservers].flatMap(({ volume }) => volume ?? []);
      if (volumes.length <= webservers.length) return undefined;
      const running = webservers.flatMap(({ pid }) => pid ?? []).length;
      for (const webserver of webservers) webserver.warm();
      const [gone] = await Promise.all([datastore.killAll(), ...webservers.map((webserver) => webserver.kill())]);
      for (const volume of volumes) volume.cutPower();
      await Promise.all([datastore, ...webservers].map((machine) => machine.start()));
      return gone ? `all processes of the datastore and ${running} webservers were gone` : undefined;
    },
  },
});

/** `clock`: what the process last said of its own. */
async function jump(file: string, dice: Dice, clock: () => number | undefined): Promise<string | undefined> {
  const by = Math.round(dice.number(JUMP_MS / 10, JUMP_MS)) * dice.pick([-1, 1]);
  try {
    writeFileSync(file, String(by));
    await pause(dice.number(...JUMPED_MS));
    const off = (clock() ?? Number.NaN) - Date.now();
    return Math.abs(off - by) < JUMP_MS / 20 ? `its clock was off by ${by} ms` : undefined;
  } finally {
    rmSync(file, { force: true });
  }
}

/** As a crash leaves it: the end of a write that was acknowledged may be half there, but a write that was acknowledged is whole. False: there is
 *  nothing that could be torn. */
function tearOutbox(file: string): boolean {
  if (!existsSync(file)) return false;
  const bytes = readFileSync(file);
  const lines = bytes.toString().split("\n");
  const last = lines.at(-2);
  if (last === undefined) return false;
  if (last.includes('"kind":"wait"')) writeFileSync(file, Buffer.concat([bytes, Buffer.from(last.slice(0, last.length / 2))]));
  else truncateSync(file, bytes.length - Math.ceil(last.length / 2));
  return true;
}
