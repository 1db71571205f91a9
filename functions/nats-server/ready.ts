import { readdir, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 10;
const INFO_TIMEOUT_MS = 2000;
const INFO_BYTES = 64 * 1024;

export interface Ready {
  port: number;
  serverId: string;
}

/** Waits until the server with this pid listens and says in its INFO that JetStream is on. Which port it has it tells itself, in the
 *  file <program>_<pid>.ports that it writes in `dir` after it has bound it: so it is no other server that answers there,
 *  and port 0 needs no guess. Rejects with the signal's reason; an Error when what listens has no JetStream. */
export async function waitUntilReady(dir: string, pid: number, signal: AbortSignal): Promise<Ready> {
  for (;;) {
    signal.throwIfAborted();
    const address = await listeningAddress(dir, pid);
    if (address !== undefined) {
      const info = await readInfo(address.host, address.port).catch(() => undefined);
      if (info !== undefined) {
        if (info.jetstream !== true) throw new Error("it runs without JetStream");
        return { port: address.port, serverId: info.server_id };
      }
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => {});
  }
}

/** Removes the .ports files of servers that were killed; they would never be read, but they would add up. */
export async function removePortsFiles(dir: string): Promise<void> {
  for (const name of await readdir(dir)) if (/_\d+\.ports$/.test(name)) await rm(join(dir, name), { force: true });
}

async function listeningAddress(dir: string, pid: number): Promise<{ host: string; port: number } | undefined> {
  const file = (await readdir(dir)).find((name) => name.endsWith(`_${pid}.ports`));
  if (file === undefined) return undefined;
  try {
    const { nats } = JSON.parse(await readFile(join(dir, file), "utf8")) as { nats: string[] };
    const url = new URL(nats[0] ?? "");
    return { host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(url.port) };
  } catch {
    return undefined; // not written to its end yet
  }
}

/** The INFO that a server sends before anything else; no user is needed for it. */
function readInfo(host: string, port: number): Promise<{ server_id: string; jetstream?: boolean }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    let text = "";
    const fail = (reason: string) => socket.destroy(new Error(reason));
    socket.setTimeout(INFO_TIMEOUT_MS, () => fail("no INFO"));
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      const line = /^INFO (.*?)\r\n/.exec(text)?.[1];
      if (line === undefined) {
        if (text.length > INFO_BYTES) fail("no INFO");
        return;
      }
      socket.destroy();
      try {
        resolve(JSON.parse(line));
      } catch (error) {
        reject(error);
      }
    });
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("closed before its INFO")));
  });
}
