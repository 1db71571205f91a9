// Goal: streams of events and WebSockets go through as they come, end when their webserver is drained or gone, and HTTPS is served, renewed, and come to from
// HTTP. Method: webservers that stream, on plain sockets; certificates made by openssl.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { copyFileSync, readFileSync } from "node:fs";
import { request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { balance, fit, fixed, raw, type StandIn, standIn } from "./support/balancers.ts";
import { makeAuthority, makeCertificate } from "./support/certificates.ts";
import { getSecure } from "./support/https.ts";
import { eventually, temporaryFolder } from "./support/nats-server-kit.ts";

const WAIT_MS = 90_000;
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Takes WebSockets, and sends back each byte that comes. */
function echo({ server }: StandIn): void {
  server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}${GUID}`).digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    if (head.length > 0) socket.write(head);
    socket.on("error", () => {});
    socket.pipe(socket);
  });
}

/** A WebSocket's beginning, with what came of it. */
async function webSocket(address: string, path = "/"): Promise<{ response: IncomingMessage; socket: Socket | undefined }> {
  const key = randomBytes(16).toString("base64");
  const headers = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-key": key, "sec-websocket-version": "13" };
  const asking = httpRequest(`${address}${path}`, { headers }).end();
  return await new Promise((resolve, reject) => {
    asking.on("upgrade", (response: IncomingMessage, socket: Socket) => {
      const accept = createHash("sha1").update(`${key}${GUID}`).digest("base64");
      assert.equal(response.headers["sec-websocket-accept"], accept);
      resolve({ response, socket });
    });
    asking.on("response", (response) => resolve({ response: response.resume(), socket: undefined }));
    asking.on("error", reject);
  });
}

function events(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream" }).write("data: first\n\n");
}

describe("streams", { concurrency: 4 }, () => {
  test("events come one by one, as they are sent; the webserver knows when the client is gone", async (t) => {
    let sending: ServerResponse | undefined;
    const web1 = await standIn(t, "web1", (request, response) => {
      sending = response;
      events(request, response);
    });
    const balancer = await balance(t, { fixed: fixed({ web1 }) });
    await fit(balancer, "web1");
    const gone = new AbortController();
    const answer = await fetch(balancer.address, { signal: gone.signal });
    const reader = (answer.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
    for (const text of ["first", "second", "third"]) {
      if (text !== "first") sending?.write(`data: ${text}\n\n`);
      assert.deepEqual(await reader.read(), { value: `data: ${text}\n\n`, done: false });
    }
    assert.equal(balancer.status().webservers[0]?.streams, 1);
    gone.abort();
    await eventually("the webserver knows", WAIT_MS, () => sending?.destroyed);
    await eventually("nothing is under way", WAIT_MS, () => balancer.status().webservers[0]?.active === 0);
  });

  test("a WebSocket carries bytes both ways; another upgrade, and one that is refused, are answered", async (t) => {
    const web1 = await standIn(t, "web1");
    echo(web1);
    const balancer = await balance(t, { fixed: fixed({ web1 }) });
    await fit(balancer, "web1");
    const { socket } = await webSocket(balancer.address);
    assert.ok(socket);
    for (const bytes of [Buffer.from([0x81, 0x02, 0x68, 0x69]), randomBytes(300_000)]) {
      const back: Buffer[] = [];
      let length = 0;
      socket.write(bytes);
      for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        back.push(chunk);
        length += chunk.length;
        if (length >= bytes.length) break;
      }
      assert.deepEqual(Buffer.concat(back), bytes);
    }
    assert.equal(balancer.status().webservers[0]?.streams, 1);
    socket.destroy();
    await eventually("it is over on both sides", WAIT_MS, () => balancer.status().webservers[0]?.streams === 0);
    web1.server.removeAllListeners("upgrade");
    web1.server.on("upgrade", (_request, refused: Socket) =>
      refused.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
    );
    assert.equal((await webSocket(balancer.address)).response.statusCode, 403);
    web1.close();
    assert.equal((await webSocket(balancer.address)).response.statusCode, 503);
  });

  test("a WebSocket goes to another webserver when its own is gone; and ends when its own goes", async (t) => {
    const [web1, web2] = [await standIn(t, "web1"), await standIn(t, "web2")];
    for (const web of [web1, web2]) echo(web);
    const balancer = await balance(t, { fixed: fixed({ web1, web2 }) });
    await fit(balancer, "web1", "web2");
    const sockets = await Promise.all([webSocket(balancer.address), webSocket(balancer.address)]);
    for (const { socket } of sockets) socket?.on("error", () => {});
    web1.close();
    const again = await webSocket(balancer.address);
    assert.ok(again.socket, "there is another one");
    web2.server.closeAllConnections();
    await eventually("it is over", WAIT_MS, () =>
      sockets.some(({ socket }) => socket?.destroyed || socket?.readableEnded || socket?.closed),
    );
  });

  test("when the balancer stops, streams end at once, and answers under way are finished", async (t) => {
    let finish = () => {};
    const web1 = await standIn(t, "web1", (request, response) => {
      if (request.url === "/events") events(request, response);
      else finish = () => void response.end("whole");
    });
    const balancer = await balance(t, { fixed: fixed({ web1 }) });
    await fit(balancer, "web1");
    const stream = await fetch(`${balancer.address}/events`);
    const slow = fetch(`${balancer.address}/slow`).then((answer) => answer.text());
    await eventually("both are there", WAIT_MS, () => web1.requests.length === 2);
    const closing = balancer.close();
    await assert.rejects(stream.text());
    await assert.rejects(fetch(balancer.address), "no new ones");
    finish();
    assert.equal(await slow, "whole");
    await closing;
  });
});

describe("HTTPS", () => {
  test("is served, sends those to it who come over HTTP, and takes a renewed certificate", async (t) => {
    const folder = temporaryFolder(t);
    const authority = makeAuthority(folder, "authority");
    const ca = readFileSync(authority.certificateFile, "utf8");
    const files = makeCertificate(folder, "balancer", authority, ["IP:127.0.0.1"]);
    const web1 = await standIn(t, "web1");
    const balancer = await balance(t, { fixed: fixed({ web1 }), ...files, redirectPort: 0 });
    await fit(balancer, "web1");
    const first = await getSecure(`${balancer.address}/x`, ca);
    assert.deepEqual([first.status, first.text], [200, "web1"]);
    assert.match(String(first.headers["set-cookie"]), /; Secure$/);
    assert.equal(web1.requests[0]?.headers["x-forwarded-proto"], "https");

    const [https, http] = [new URL(balancer.address), balancer.redirectAddress ?? ""];
    const sent = await fetch(`${http}/x?y=1`, { redirect: "manual" });
    assert.deepEqual([sent.status, sent.headers.get("location")], [308, `https://127.0.0.1:${https.port}/x?y=1`]);
    const forged = await raw(http, "GET /x HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n");
    assert.match(forged, /^HTTP\/1\.1 400 /);
    const behind = await fetch(http, { redirect: "manual", headers: { "x-forwarded-proto": "https" } });
    assert.equal(behind.status, 508, "a proxy in front that would come again and again");

    const renewed = makeCertificate(folder, "renewed", authority, ["IP:127.0.0.1"]);
    copyFileSync(renewed.certificateFile, files.certificateFile);
    assert.throws(() => balancer.renewCertificate(), { code: "BAD_CONFIG" });
    assert.equal((await getSecure(balancer.address, ca)).serial, first.serial, "what does not belong together is not taken");
    copyFileSync(renewed.keyFile, files.keyFile);
    balancer.renewCertificate();
    assert.notEqual((await getSecure(balancer.address, ca)).serial, first.serial);
  });

  test("towards webservers: a certificate must be good, whatever Host a client says", async (t) => {
    const folder = temporaryFolder(t);
    const authority = makeAuthority(folder, "authority");
    const ca = readFileSync(authority.certificateFile, "utf8");
    const files = makeCertificate(folder, "web", authority, ["IP:127.0.0.1"]);
    const web1 = await standIn(t, "web1");
    // A balancer is a webserver that speaks HTTPS.
    const secure = await balance(t, { fixed: fixed({ web1 }), ...files });
    await fit(secure, "web1");
    const webserver = new URL(secure.address).host;
    const good = await balance(t, { dir: join(folder, "good"), fixed: [{ name: "web", webserver, tls: { ca } }] });
    await fit(good, "web");
    assert.equal(await (await fetch(good.address)).text(), "web1");
    assert.match(await raw(good.address, "GET / HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n"), /web1$/);
    const bad = await balance(t, { dir: join(folder, "bad"), fixed: [{ name: "web", webserver, tls: {} }] });
    await eventually("it is seen", WAIT_MS, () => bad.status().webservers[0]?.rank === "down");
    assert.equal((await fetch(bad.address)).status, 503);
  });
});
