/** What the load balancer says of itself: to those in front of it whether it should get users; to whoever runs it, on an address of its own, everything. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { type Bus, type ErrorCode, FrontsyncError } from "../../bus/index.ts";
import { refuse } from "../http/answers.ts";
import { checkRequest } from "../http/request.ts";
import { createServer } from "../http/server.ts";
import type { Rank } from "./backend.ts";
import { traefikConfig } from "./emit/traefik.ts";
import type { Roster } from "./roster.ts";

/** On the port of the users. */
export const HEALTH_PATH = "/loadbalancer/health";

export interface WebserverStatus {
  webserver: string;
  /** `host:port`. */
  address: string;
  /** Of the configuration, not of the datastore. */
  fixed: boolean;
  /** It speaks HTTPS. */
  secure: boolean;
  /** fit: it gets users. The others do not, while there are better ones; barred: never. */
  rank: Rank;
  /** Why it is not fit. */
  why?: string;
  /** Under way: requests, and of these streams of events and WebSockets. */
  active: number;
  streams: number;
  /** Since the start. */
  requests: number;
  failures: number;
}

export interface Status {
  /** Whether it should get users. */
  ready: boolean;
  reason?: string;
  /** Of its bus; null: it asks no datastore. Without contact (degraded) the last list of webservers counts. */
  datastore: ReturnType<Bus["status"]>["state"] | null;
  webservers: WebserverStatus[];
  warnings: { code: ErrorCode | string; message: string }[];
}

export function statusOf({ bus, roster, draining }: { bus: Bus | undefined; roster: Roster; draining: boolean }): Status {
  const webservers = roster.backends.map((backend) => ({
    ...{ webserver: backend.name, address: backend.at, fixed: backend.fixed, secure: backend.tls !== undefined },
    ...backend.judge(),
    ...{ active: backend.active, streams: backend.streams, ...backend.counts },
  }));
  const some = webservers.some(({ rank }) => rank !== "barred" && rank !== "down");
  const reason = draining ? "it is stopping" : some ? undefined : "it reaches no webserver";
  const said = bus?.status();
  return {
    ready: reason === undefined,
    ...(reason !== undefined && { reason }),
    datastore: said?.state ?? null,
    webservers: webservers.sort((a, b) => (a.webserver < b.webserver ? -1 : 1)),
    warnings: said?.warnings ?? [],
  };
}

/** Tells those in front no more than they need. */
export function serveHealth({ ready, reason }: Status, request: IncomingMessage, response: ServerResponse): void {
  send(request, response, ready ? 200 : 503, { ready, ...(reason !== undefined && { reason }) });
}

/** Not listening yet. */
export function serveStatus(look: () => Status): Server {
  return createServer({
    serve: (request, response) => {
      try {
        checkRequest(request);
        const status = look();
        const path = request.url?.split("?", 1)[0];
        if (request.method !== "GET" && request.method !== "HEAD")
          throw new FrontsyncError("NOT_FOUND", "There is nothing but to look at.");
        if (path === "/status") send(request, response, 200, status);
        else if (path === "/health") serveHealth(status, request, response);
        else if (path === "/traefik") send(request, response, 200, traefikConfig(status.webservers));
        else throw new FrontsyncError("NOT_FOUND", "There are /status, /health and /traefik.");
      } catch (error) {
        refuse(request, response, error);
      }
    },
  });
}

function send(request: IncomingMessage, response: ServerResponse, status: number, value: object): void {
  const body = JSON.stringify(value);
  const headers = {
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  };
  response
    .writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) })
    .end(request.method === "HEAD" ? undefined : body);
  request.resume();
}
