// Goal: a transfer that was broken off at 50 % goes on there, in both directions, whoever is killed: of 64 MB the second try moves less than 60 %.
// Method: kill -9 of the webserver, of the handler and of nats-server when half has arrived; what was moved is in the client's statistics.
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { Bus } from "../bus/index.ts";
import { content, digest, sha256Of } from "./support/contents.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import type { ResourcesOrder, ResourcesReport } from "./support/resources-webserver.ts";

const PROGRAM = fileURLToPath(new URL("support/resources-webserver.js", import.meta.url));
const SIZE = 64 * 1024 * 1024;
const SECOND_TRY = 0.6 * SIZE;

describe("a transfer of 64 MB, broken off at 50 %", { timeout: 900_000 }, () => {
  let deployment: Deployment;
  let bus: Bus;
  before(async () => {
    deployment = await deploy({ webservers: 1, bus: { updateInterval: 0.5, resources: "lazy" } });
    [bus] = deployment.buses as [Bus];
  });
  after(async () => await deployment[Symbol.asyncDispose]());

  /** One life of a webserver, until half of a content is up or down. */
  async function halfLife(webserver: string, order: Partial<ResourcesOrder>): Promise<void> {
    const child = fork(PROGRAM, [], { execArgv: [], stdio: ["ignore", "inherit", "inherit", "ipc"] });
    let failed = "";
    child.on("message", (report: ResourcesReport) => {
      if ("failed" in report) failed = report.failed;
    });
    const ended = once(child, "exit");
    child.send({
      datastore: deployment.datastore.address,
      webserver,
      dir: join(deployment.dir, webserver),
      dies: SIZE,
      ...order,
    });
    assert.equal((await ended)[1], "SIGKILL");
    assert.equal(failed, "");
  }

  it("by the death of the webserver that uploads", async () => {
    await halfLife("up", { upload: [SIZE] });
    assert.equal((await bus.collection("resources").list()).items.length, 0, "nothing is visible");
    const again = await deployment.connect("up");
    assert.equal(readdirSync(join(deployment.dir, "up", "resources", "spool")).length, 0);
    const { sha256 } = await again.resources.upload(content(SIZE, SIZE), { name: "again" }, { id: "upload-0" });
    assert.equal(sha256, sha256Of(SIZE, SIZE));
    const { sentBytes } = again.transfers.status();
    assert.ok(sentBytes < SECOND_TRY, `${sentBytes} bytes were sent`);
  });

  it("by the death of the webserver that fetches", async (t) => {
    await halfLife("down", {});
    const names = readdirSync(join(deployment.dir, "down", "resources"));
    assert.deepEqual(names.sort(), ["partial", "spool"], "nothing is visible");
    const again = await deployment.connect("down");
    assert.deepEqual(await digest(await again.resources.open("upload-0")), { sha256: sha256Of(SIZE, SIZE), size: SIZE });
    const { receivedBytes } = again.transfers.status();
    assert.ok(receivedBytes < SECOND_TRY, `${receivedBytes} bytes came`);
    t.diagnostic(`the second try fetched ${Math.round(receivedBytes / 1024 / 1024)} MB`);
  });

  for (const [n, victim] of (["handler", "natsServer"] as const).entries()) {
    const kill = () => {
      const { handlers, natsServer } = deployment.datastore.pids;
      process.kill((victim === "handler" ? handlers[0] : natsServer) ?? assert.fail("it does not run"), "SIGKILL");
    };

    it(`by the death of the ${victim}, up and down`, async (t) => {
      const [seed, up, down] = [n + 1, await deployment.connect(`up-${victim}`), await deployment.connect(`down-${victim}`)];
      /** What was moved when it was killed. */
      let [sentBefore, receivedBefore]: (number | undefined)[] = [];
      down.transfers.onProgress(({ id, done }) => {
        if (id !== victim || receivedBefore !== undefined || done < SIZE / 2) return;
        receivedBefore = down.transfers.status().receivedBytes;
        kill();
      });
      const onProgress = (bytes: number) => {
        if (sentBefore !== undefined || bytes < SIZE / 2) return;
        sentBefore = up.transfers.status().sentBytes;
        kill();
      };
      const { revision, sha256 } = await up.resources.upload(content(SIZE, seed), { name: "n" }, { id: victim, onProgress });
      assert.ok(sentBefore !== undefined);
      await down.caughtUp(revision, { timeoutMs: 60_000 });
      assert.deepEqual(await digest(await down.resources.open(victim)), { sha256, size: SIZE });
      assert.ok(receivedBefore !== undefined);
      const sent = up.transfers.status().sentBytes - sentBefore;
      assert.ok(sent < SECOND_TRY, `${sent} bytes were sent after it`);
      const received = down.transfers.status().receivedBytes - receivedBefore;
      assert.ok(received < SECOND_TRY, `${received} bytes came after it`);
      t.diagnostic(`after it ${(sent / SIZE).toFixed(2)} were sent, ${(received / SIZE).toFixed(2)} came`);
    });
  }
});
