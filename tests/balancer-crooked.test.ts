// Goal: what a crooked client sends reaches no webserver as something else: no second request in a body, no header that only a proxy may set, no loop. Method:
// bytes on plain sockets, and a webserver that keeps what it got.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { balance, fit, fixed, raw, standIn } from "./support/balancers.ts";
import { eventually } from "./support/nats-server-kit.ts";

const WAIT_MS = 90_000;
const HEAD = "Host: a.example\r\n";
const HIDDEN = "GET /hidden HTTP/1.1\r\nHost: a.example\r\n\r\n";
const END = "Connection: close\r\n";

/** Each with what is wrong with it; none may reach a webserver. */
const REFUSED: Record<string, string> = {
  "a length and chunks": `POST / HTTP/1.1\r\n${HEAD}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  "chunks and a length": `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${HIDDEN}`,
  "two lengths": `POST / HTTP/1.1\r\n${HEAD}Content-Length: 0\r\nContent-Length: 44\r\n\r\n${HIDDEN}`,
  "a length that is no number": `POST / HTTP/1.1\r\n${HEAD}Content-Length: +0\r\n\r\n${HIDDEN}`,
  "a length with a list": `POST / HTTP/1.1\r\n${HEAD}Content-Length: 0, 44\r\n\r\n${HIDDEN}`,
  "a coding with a hidden letter": `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  "another coding": `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  "two codings": `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  "chunks twice": `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${HIDDEN}`,
  "chunks in HTTP/1.0": `POST / HTTP/1.0\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  "a space before the colon": `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  "a line that goes on": `GET / HTTP/1.1\r\n${HEAD}X-One: a\r\n b\r\n\r\n`,
  "a line that begins with a space": `GET / HTTP/1.1\r\n ${HEAD}\r\n`,
  "a bare carriage return": `GET / HTTP/1.1\r\n${HEAD}X-One: a\rX-Two: b\r\n\r\n`,
  "a zero byte": `GET / HTTP/1.1\r\n${HEAD}X-One: a\0b\r\n\r\n`,
  "two hosts": `GET / HTTP/1.1\r\n${HEAD}Host: b.example\r\n${END}\r\n`,
  "no host": `GET / HTTP/1.1\r\n${END}\r\n`,
  "a host that is none": `GET / HTTP/1.1\r\nHost: a.example/x?\r\n${END}\r\n`,
  "a whole URL": `GET http://b.example/ HTTP/1.1\r\n${HEAD}${END}\r\n`,
  "a proxy's method": `CONNECT a.example:443 HTTP/1.1\r\n${HEAD}\r\n`,
  TRACE: `TRACE / HTTP/1.1\r\n${HEAD}${END}\r\n`,
  "a star": `OPTIONS * HTTP/1.1\r\n${HEAD}${END}\r\n`,
  "a Connection that takes the length away": `GET / HTTP/1.1\r\n${HEAD}Connection: close, content-length\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
  "a WebSocket with a body": `GET / HTTP/1.1\r\n${HEAD}Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
  "an upgrade to HTTP/2": `GET / HTTP/1.1\r\n${HEAD}Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n`,
  "headers without an end": `GET / HTTP/1.1\r\n${HEAD}X-Long: ${"x".repeat(20_000)}\r\n\r\n`,
  "another protocol": "\x16\x03\x01\x02\x00\x01\x00",
};

describe("a crooked client", { concurrency: 4 }, () => {
  test("gets an error for what can be read in two ways, and no webserver hears of it", async (t) => {
    const web1 = await standIn(t, "web1");
    const balancer = await balance(t, { fixed: fixed({ web1 }) });
    await fit(balancer, "web1");
    for (const [what, bytes] of Object.entries(REFUSED)) {
      const answer = await raw(balancer.address, bytes, /\r\n\r\n.*\}$/s);
      const statuses = [...answer.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status);
      assert.ok(
        statuses.every((status) => /^4/.test(status ?? "")),
        `${what}: ${answer}`,
      );
      assert.deepEqual(
        web1.requests.map(({ url }) => url),
        [],
        `${what}: ${answer}`,
      );
    }
  });

  test("can hide no request behind a chunk that is none: what is read of the body ends with it", async (t) => {
    const web1 = await standIn(t, "web1", (request, response) => {
      request.resume().on("end", () => response.end("whole"));
    });
    const balancer = await balance(t, { fixed: fixed({ web1 }) });
    await fit(balancer, "web1");
    for (const body of [
      "5;\nabcde\r\n0\r\n\r\n",
      "zz\r\nabc\r\n0\r\n\r\n",
      "3\r\nabcde\r\n0\r\n\r\n",
      "5\r\nabcde0\r\n\r\n",
      "-1\r\n\r\n",
      "FFFFFFFFFFFFFFFFF\r\nabc",
      "3\nabc\n0\n\n",
    ]) {
      const answer = await raw(
        balancer.address,
        `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n${body}${HIDDEN}`,
        /\r\n\r\n/,
      );
      assert.doesNotMatch(answer, /whole/, body);
    }
    assert.ok(web1.requests.every(({ url }) => url === "/"));
    await fit(balancer, "web1");
  });

  test("sends a body in one way alone: the webserver reads what was sent, by length and in chunks", async (t) => {
    const got: string[] = [];
    const web1 = await standIn(t, "web1", (request, response) => {
      let text = "";
      request.setEncoding("latin1").on("data", (chunk: string) => {
        text += chunk;
      });
      request.on("end", () => {
        got.push(`${request.method} ${request.url} ${text}`);
        response.end("done");
      });
    });
    const balancer = await balance(t, { fixed: fixed({ web1 }) });
    await fit(balancer, "web1");
    const twice = `POST /1 HTTP/1.1\r\n${HEAD}Content-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}GET /2 HTTP/1.1\r\n${HEAD}Content-Length: 3\r\n\r\nabcPOST /3 HTTP/1.1\r\n${HEAD}${END}Transfer-Encoding: chunked\r\n\r\n2;a=b\r\nxy\r\n0\r\nX-Trailer: 1\r\n\r\n`;
    const answer = await raw(balancer.address, twice);
    assert.equal(answer.match(/done/g)?.length, 3);
    assert.deepEqual(got, [`POST /1 ${HIDDEN}`, "GET /2 abc", "POST /3 xy"]);
  });

  test("is cut when its headers do not end", async (t) => {
    const web1 = await standIn(t, "web1");
    const balancer = await balance(t, { fixed: fixed({ web1 }) });
    await fit(balancer, "web1");
    const slow = await raw(balancer.address, `GET / HTTP/1.1\r\n${HEAD}X-Slow: `);
    assert.match(slow, /^HTTP\/1\.1 408 /);
    assert.deepEqual(web1.requests, []);
  });
});

describe("what only a proxy says", { concurrency: 4 }, () => {
  test("is the balancer's own: addresses, scheme and host can't be forged, and Connection takes no header away", async (t) => {
    const web1 = await standIn(t, "web1");
    const balancer = await balance(t, { fixed: fixed({ web1 }) });
    await fit(balancer, "web1");
    const forged =
      "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n";
    await raw(
      balancer.address,
      `GET /a?b=%2e HTTP/1.1\r\n${HEAD}${forged}Connection: close, X-Forwarded-For, X-Mine\r\nX-Mine: 1\r\nTE: trailers\r\nX-Kept: 2\r\n\r\n`,
    );
    const { headers, url } = web1.requests[0] ?? assert.fail("nothing came");
    assert.equal(url, "/a?b=%2e");
    const { via, connection: _connection, ...rest } = headers;
    assert.match(String(via), /^1\.1 frontsync-[a-z0-9]+$/);
    assert.deepEqual(rest, {
      host: "a.example",
      "x-kept": "2",
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-proto": "http",
      "x-forwarded-host": "a.example",
    });
  });

  test("is believed of a proxy that is trusted, and goes on", async (t) => {
    const web1 = await standIn(t, "web1");
    const balancer = await balance(t, { fixed: fixed({ web1 }), trustedProxies: ["127.0.0.0/8"] });
    await fit(balancer, "web1");
    await fetch(balancer.address, {
      headers: { "x-forwarded-for": "10.1.2.3", "x-forwarded-proto": "https", "x-forwarded-host": "web.example" },
    });
    const { headers } = web1.requests[0] ?? assert.fail("nothing came");
    assert.deepEqual(
      ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"].map((name) => headers[name]),
      ["10.1.2.3, 127.0.0.1", "https", "web.example"],
    );
  });

  test("of an answer nothing but the answer comes back", async (t) => {
    const web1 = await standIn(t, "web1", (_request, response) => {
      response.writeHead(200, [
        ["Connection", "X-Inner, keep-alive"],
        ["X-Inner", "1"],
        ["Set-Cookie", "a=1"],
        ["Set-Cookie", "b=2"],
        ["X-Own", "3"],
      ] as never);
      response.end("text");
    });
    const balancer = await balance(t, { fixed: fixed({ web1 }) });
    await fit(balancer, "web1");
    const { headers } = await fetch(balancer.address);
    assert.deepEqual([headers.get("x-inner"), headers.get("x-own")], [null, "3"]);
    assert.deepEqual(headers.getSetCookie().slice(0, 2), ["a=1", "b=2"]);
    assert.equal(headers.getSetCookie().length, 3);
  });
});

describe("a balancer in front of a balancer", { concurrency: 4 }, () => {
  test("works, each with a cookie of its own", async (t) => {
    const [web1, web2] = [await standIn(t, "web1"), await standIn(t, "web2")];
    const inner = await balance(t, { fixed: fixed({ web1, web2 }), trustedProxies: ["127.0.0.1"] });
    await fit(inner, "web1", "web2");
    const outer = await balance(t, { fixed: [{ name: "inner", webserver: new URL(inner.address).host }] });
    await fit(outer, "inner");
    const first = await fetch(outer.address);
    const there = await first.text();
    const cookies = first.headers.getSetCookie().map((cookie) => cookie.split(";", 1)[0] ?? "");
    assert.deepEqual(cookies.map((cookie) => cookie.split("=", 1)[0]).sort(), ["frontsync_balancer", "frontsync_balancer1"]);
    for (let n = 0; n < 4; n++)
      assert.equal(await (await fetch(outer.address, { headers: { cookie: cookies.join("; ") } })).text(), there);
  });

  test("that is itself is refused: 508, and no webserver is asked for ever", async (t) => {
    const web1 = await standIn(t, "web1");
    const balancer = await balance(t, { fixed: fixed({ web1 }) });
    await fit(balancer, "web1");
    await fetch(balancer.address);
    const via = web1.requests[0]?.headers.via ?? assert.fail("nothing came");
    for (const [said, status] of [
      [via, 508],
      [`1.1 other, ${via}`, 508],
      ["1.1 frontsync-a, 1.1 frontsync-b, 1.1 frontsync-c, 1.1 frontsync-d", 508],
      ["1.1 frontsync-a, 1.1 vegur", 200],
    ] as const) {
      const answer = await fetch(balancer.address, { headers: { via: said } });
      assert.equal(answer.status, status, said);
      if (status === 508) assert.equal(((await answer.json()) as { code: string }).code, "LOOP_DETECTED");
    }
  });

  test("a ring of two ends", async (t) => {
    const first = await standIn(t, "first");
    const one = await balance(t, { fixed: fixed({ first }) });
    const two = await balance(t, { fixed: [{ name: "one", webserver: new URL(one.address).host }] });
    await fit(two, "one");
    // The first one's webserver now is the second one: what comes goes round once.
    first.server.removeAllListeners("request");
    first.server.on("request", (request, response) => {
      void fetch(`${two.address}${request.url}`, { headers: { via: String(request.headers.via) } }).then(async (answer) => {
        response.writeHead(answer.status).end(await answer.text());
      });
    });
    const answer = await fetch(one.address);
    assert.equal(answer.status, 508);
    await eventually("nothing is under way", WAIT_MS, () =>
      [one, two].every((balancer) => balancer.status().webservers.every(({ active }) => active === 0)),
    );
  });
});
