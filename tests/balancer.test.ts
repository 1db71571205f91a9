// Goal: the load balancer sends each request to one webserver that is well, keeps a browser there, and what it sends on is what came. Method: webservers
// that tell what they got, a balancer in the test's process, and plain bytes where a client is crooked.
import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { balance, fit, fixed, standIn } from "./support/balancers.ts";

/** Longer than anybody should wait for one that hangs, on a busy machine. */
const MUST_MS = 120_000;
const COOKIE = "frontsync_balancer";

function cookieIn(response: Response): string {
  return (
    response.headers
      .getSetCookie()
      .find((cookie) => cookie.startsWith(COOKIE))
      ?.split(";", 1)[0] ?? ""
  );
}

describe("which webserver gets a request", { concurrency: 4 }, () => {
  test("new users are spread, and each stays at its webserver by a cookie", async (t) => {
    const [web1, web2, web3] = [await standIn(t, "web1"), await standIn(t, "web2"), await standIn(t, "web3")];
    const balancer = await balance(t, { fixed: fixed({ web1, web2, web3 }) });
    await fit(balancer, "web1", "web2", "web3");
    const at = new Map<string, number>();
    for (let n = 0; n < 12; n++) {
      const first = await fetch(balancer.address);
      const webserver = await first.text();
      const cookie = cookieIn(first);
      at.set(webserver, (at.get(webserver) ?? 0) + 1);
      const again = await fetch(balancer.address, { headers: { cookie: `other=1; ${cookie}` } });
      assert.equal(await again.text(), webserver);
      assert.equal(cookieIn(again), "", "a cookie that counts is not set again");
    }
    assert.deepEqual([...at.entries()].sort(), [
      ["web1", 4],
      ["web2", 4],
      ["web3", 4],
    ]);
    const about = (await fetch(balancer.address)).headers.getSetCookie().join();
    assert.match(about, /; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax$/);
    assert.doesNotMatch(about, /web[123]/, "it does not tell names");
  });

  test("a forged cookie is as none: no error, no other answer, and a new cookie", async (t) => {
    const [web1, web2] = [await standIn(t, "web1"), await standIn(t, "web2")];
    const balancer = await balance(t, { fixed: fixed({ web1, web2 }) });
    await fit(balancer, "web1", "web2");
    const now = Math.floor(Date.now() / 60_000);
    const mark = cookieIn(await fetch(balancer.address))
      .split("=")[1]
      ?.split(".")[0];
    for (const value of [
      "web1",
      "web1.1",
      `${"A".repeat(16)}.${now.toString(36)}`,
      "../../etc",
      "%00",
      "x".repeat(5000),
      `${mark}.zzzzzzzz`,
      `${mark}.${(now - 11).toString(36)}`,
      `${mark}.`,
      "127.0.0.1:22",
      "__proto__.1",
      "",
    ]) {
      const answer = await fetch(balancer.address, { headers: { cookie: `${COOKIE}=${value}` } });
      assert.equal(answer.status, 200, value.slice(0, 40));
      assert.match(cookieIn(answer), new RegExp(`^${COOKIE}=[A-Za-z0-9_-]{16}\\.[0-9a-z]+$`), value.slice(0, 40));
    }
  });

  test("one that says it should get no users gets none, and its users are elsewhere with their next request", async (t) => {
    const [web1, web2] = [await standIn(t, "web1"), await standIn(t, "web2")];
    const events: unknown[] = [];
    const balancer = await balance(t, {
      fixed: fixed({ web1, web2 }),
      onEvent: ({ event, webserver, why }) => events.push([event, webserver, why]),
    });
    await fit(balancer, "web1", "web2");
    const first = await fetch(balancer.address);
    const there = await first.text();
    const [mine, name, other] = there === "web1" ? [web1, "web1", "web2"] : [web2, "web2", "web1"];
    mine.health = { status: 503, body: { ready: false, state: "held", reason: "it is held" } };
    await fit(balancer, other);
    const cookie = cookieIn(first);
    assert.equal(await (await fetch(balancer.address, { headers: { cookie } })).text(), other);
    assert.deepEqual(events.at(-1), ["left", name, "it is held"]);
    // When nobody is fit, those who answer are better than nobody: all held webservers serve what they have.
    const rest = mine === web1 ? web2 : web1;
    rest.health = { status: 503, body: { ready: false, state: "held", reason: "it is held" } };
    await fit(balancer);
    assert.equal((await fetch(balancer.address)).status, 200);
    mine.health = { status: 200, body: { ready: true, state: "synced" } };
    await fit(balancer, name);
    assert.deepEqual(events.at(-1), ["joined", name, undefined]);
  });

  test("one that is gone is left out at once: a request that changes nothing, and one that was not sent, is made elsewhere", async (t) => {
    const [web1, web2] = [await standIn(t, "web1"), await standIn(t, "web2")];
    const balancer = await balance(t, { fixed: fixed({ web1, web2 }) });
    await fit(balancer, "web1", "web2");
    const cookies = [];
    for (let n = 0; n < 2; n++) {
      const first = await fetch(balancer.address);
      cookies.push({ cookie: cookieIn(first), at: await first.text() });
    }
    web1.close();
    const cookie = cookies.find(({ at }) => at === "web1")?.cookie ?? "";
    const posted = await fetch(balancer.address, { method: "POST", body: "x".repeat(100_000), headers: { cookie } });
    assert.deepEqual([posted.status, await posted.text()], [200, "web2"]);
    assert.match(cookieIn(posted), new RegExp(`^${COOKIE}=`), "it is kept at the other from now on");
    assert.equal(await (await fetch(balancer.address, { headers: { cookie } })).text(), "web2");
    await fit(balancer, "web2");
  });

  test("what was sent and may have been done is not sent again", async (t) => {
    let posts = 0;
    const breaksOff = (request: IncomingMessage) => {
      if (request.method === "POST") posts++;
      request.socket.destroy();
    };
    const [web1, web2] = [await standIn(t, "web1", breaksOff), await standIn(t, "web2", breaksOff)];
    const balancer = await balance(t, { fixed: fixed({ web1, web2 }) });
    await fit(balancer, "web1", "web2");
    const answer = await fetch(balancer.address, { method: "POST", body: "once" });
    assert.deepEqual([answer.status, ((await answer.json()) as { code: string }).code, posts], [504, "OUTCOME_UNKNOWN", 1]);
    const read = await fetch(balancer.address, { headers: { accept: "text/html" } });
    assert.deepEqual([read.status, read.headers.get("content-type")], [503, "text/html; charset=utf-8"]);
    assert.match(await read.text(), /NO_WEBSERVER/);
  });

  test("one that hangs is left out, and what waits for its answer is answered by another", async (t) => {
    let hangs = false;
    const [web1, web2] = [
      await standIn(t, "web1", (_request, response) => void (hangs || response.end("web1"))),
      await standIn(t, "web2"),
    ];
    const balancer = await balance(t, { fixed: fixed({ web1, web2 }) });
    await fit(balancer, "web1", "web2");
    const firsts = [await fetch(balancer.address), await fetch(balancer.address)];
    const texts = await Promise.all(firsts.map((first) => first.text()));
    const cookie = cookieIn(firsts[texts.indexOf("web1")] as Response);
    hangs = true;
    web1.health = undefined;
    const posting = fetch(balancer.address, { method: "POST", body: "once", headers: { cookie } });
    const waiting = await fetch(balancer.address, { headers: { cookie } });
    assert.deepEqual([waiting.status, await waiting.text()], [200, "web2"]);
    const posted = await Promise.race([posting, sleep(MUST_MS, undefined, { ref: false })]);
    assert.ok(posted, "what may have been done waited on");
    assert.deepEqual([posted.status, ((await posted.json()) as { code: string }).code], [504, "OUTCOME_UNKNOWN"]);
    // When there is no other one it is asked all the same, and waited for no longer.
    web2.close();
    await fit(balancer);
    const last = await Promise.race([
      fetch(balancer.address, { headers: { cookie } }),
      sleep(MUST_MS, undefined, { ref: false }),
    ]);
    assert.equal(last?.status, 503);
  });
});
