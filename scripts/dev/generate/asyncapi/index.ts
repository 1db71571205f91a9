/** docs/asyncapi.json: every subject, as AsyncAPI 3.0 describes it. The application is the datastore: it receives requests, and sends
 *  what has changed. */
import { VERSION } from "../../../../bus/platform/package.ts";
import { parseAddress } from "../../../../bus/wire/address.ts";
import type { DatastoreFunction } from "../../../../functions/host/define.ts";
import type { Sources } from "../sources.ts";
import { live } from "./live.ts";
import type { Json, Part } from "./parts.ts";
import { request } from "./requests.ts";
import { components } from "./schemas.ts";

const DESCRIPTION = [
  "What the datastore and its webservers say to each other over NATS.",
  "A webserver asks a function by a request whose subject ends with its own id; every change is published to all once it is stored.",
  "The store itself is the last message on each `$KV.datastore.<collection>.<id>`: headers and body are those of the live message.",
  "docs/errors.md explains the error codes.",
];

export function asyncapi(sources: Sources, functions: readonly DatastoreFunction[]): Json {
  const collections = sources.collections.map(({ $id }) => $id);
  const parts = [...functions.map((definition) => request(definition, collections)), ...live(sources)];
  const all = (kind: keyof Part) => Object.assign({}, ...parts.map((part) => part[kind])) as Json;
  return {
    asyncapi: "3.0.0",
    info: { title: "frontsync", version: VERSION, description: DESCRIPTION.join(" "), license: { name: "Apache-2.0" } },
    defaultContentType: "application/json",
    servers: {
      datastore: {
        host: parseAddress("127.0.0.1"),
        protocol: "nats",
        security: [{ type: "userPassword", description: "The webserver's id, and Control-Auth." }],
      },
    },
    channels: all("channels"),
    operations: all("operations"),
    components: { messages: all("messages"), schemas: components(sources) },
  };
}
