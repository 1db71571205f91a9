// Goal: whatever is wrong with a request, the answer is JSON with a code and a message. Method: every route of the description, asked in the ways that
// fail before it is looked at what is asked; and what is no route at all.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Webserver } from "../apps/webserver/index.ts";
import { type Description, type Route, routesOf } from "./support/fuzz.ts";
import { Client, type Web, webservers } from "./support/webservers.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const BIG_BYTES = 9 * 1024 * 1024;

describe("a webserver's errors", () => {
  let web: Web;
  let server: Webserver;
  let client: Client;
  let routes: Route[];
  before(async () => {
    web = await webservers(1);
    [server] = web.servers as [Webserver];
    await web.user("anna");
    client = new Client(server);
    await client.login("anna");
    routes = routesOf((await client.ask<Description>("GET", "/api/openapi.json")).body as Description);
  });
  after(() => web[Symbol.asyncDispose]());

  const pathOf = ({ path }: Route) => path.replaceAll(/\{\w+\}/g, "1");

  /** Its status and code; fails when it is no JSON with a code and a message. */
  async function refusal(method: string, path: string, init: RequestInit = {}, headers = client.headers) {
    const response = await fetch(`${server.address}${path}`, { method, ...init, headers: { ...headers, ...init.headers } });
    const text = await response.text();
    const what = `${method} ${path} → ${response.status} ${text.slice(0, 200)}`;
    assert.match(response.headers.get("content-type") ?? "", /^application\/json/, what);
    const { code, message } = JSON.parse(text) as { code: unknown; message: unknown };
    assert.ok(typeof code === "string" && typeof message === "string" && message.length > 10, what);
    return { told: [response.status, code], what, allow: response.headers.get("allow") };
  }

  it("say 404 where there is no such path, and 405 with what there is for another method", async () => {
    for (const path of ["/nothing.html", "/api", "/api/nothing", "/api/users/1/nothing", "/api//users", "/apiXusers"]) {
      const { told, what } = await refusal("GET", path);
      assert.deepEqual(told, [404, "NOT_FOUND"], what);
    }
    const byPath = new Map<string, Set<string>>();
    for (const route of routes) byPath.set(pathOf(route), (byPath.get(pathOf(route)) ?? new Set()).add(route.method));
    for (const [path, methods] of byPath) {
      // Others may have a parameter where this one has a word.
      const wrong = METHODS.filter((method) => !methods.has(method));
      assert.ok(wrong.includes("OPTIONS"), path);
      const { told, what, allow } = await refusal("OPTIONS", path);
      assert.deepEqual(told, [405, "METHOD_NOT_ALLOWED"], what);
      for (const method of methods) assert.ok(allow?.split(", ").includes(method), `${what}: ${allow}`);
    }
    assert.deepEqual((await refusal("PATCH", "/api/login?x=1")).told, [405, "METHOD_NOT_ALLOWED"]);
  });

  it("say 401 on every route that needs a login", async () => {
    const open = ["/api/test", "/api/version", "/api/health", "/api/openapi.json", "/api/login"];
    for (const route of routes.filter(({ path }) => !open.includes(path))) {
      const { told, what } = await refusal(route.method, pathOf(route), {}, {});
      assert.deepEqual(told, [401, "NOT_LOGGED_IN"], what);
    }
  });

  it("say 415 and 413 on every route that takes a body", async () => {
    const taking = routes.filter(({ operation }) => operation.requestBody?.content["application/json"]);
    assert.ok(taking.length > 20);
    for (const route of taking) {
      const { told, what } = await refusal(route.method, pathOf(route), {
        body: "<a/>",
        headers: { "content-type": "text/xml" },
      });
      assert.deepEqual(told, [415, "BAD_MESSAGE"], what);
    }
    const json = { "content-type": "application/json" };
    for (const path of ["/api/dashboards", "/api/users", "/api/searchctrl", "/api/login"]) {
      const { told, what } = await refusal("POST", path, {
        body: JSON.stringify({ name: "x".repeat(BIG_BYTES) }),
        headers: json,
      });
      assert.deepEqual(told, [413, "TOO_LARGE"], what);
    }
    assert.deepEqual((await refusal("POST", "/api/dashboards", { body: "{", headers: json })).told, [400, "BAD_MESSAGE"]);
  });

  it("say 431 for headers that are too large", async () => {
    const { told } = await refusal("GET", "/api/test", { headers: { "x-long": "x".repeat(40_000) } });
    assert.deepEqual(told, [431, "TOO_LARGE"]);
  });
});
