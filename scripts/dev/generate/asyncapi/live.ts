/** What the datastore publishes, in docs/asyncapi.json. */
import { LIVE_HEAD, liveSubject, META } from "../../../../bus/wire/subjects.ts";
import { PRESENCE } from "../../../../functions/store/presence.ts";
import type { Sources } from "../sources.ts";
import { versionHeaders } from "./headers.ts";
import { inChannel, type Json, type Part, toChannel, toMessage, toSchema, WEBSERVER } from "./parts.ts";

const ID = {
  description:
    "The document's id: `[A-Za-z0-9_-]` as they are, every other byte of its UTF-8 as `=XX`. Above 128 bytes two tokens: `=h`, and the id's SHA-256 in hex.",
};

/** The live subject of each collection, and what all collections share. */
export function live(sources: Sources): Part[] {
  // No collection has a dot in its name.
  const tombstone = {
    name: "live.tombstone",
    summary: "The document was deleted; no body.",
    headers: versionHeaders(sources, true),
  };
  const collections = sources.collections.map(({ $id }) => {
    const version = { name: $id, headers: versionHeaders(sources, false), payload: toSchema($id) };
    const description = `Every version of ${$id}, once it is stored.`;
    return sent(
      `live.${$id}`,
      { address: address($id, "{id}"), description, parameters: { id: ID } },
      { [$id]: version, "live.tombstone": tombstone },
    );
  });
  return [...collections, ...ofTheStore()];
}

function ofTheStore(): Part[] {
  const said = (name: string) => ({ [name]: { name, payload: toSchema(name) } });
  return [
    sent(
      "live._head",
      { address: LIVE_HEAD, description: "Where the stream ends, shortly after a handler's last commit." },
      said("head"),
    ),
    sent(
      "live._meta.epochs",
      { address: address(META, "epochs"), description: "The lives of the store, when a new one has begun." },
      said("epochs"),
    ),
    sent(
      "live._meta.restore",
      { address: address(META, "restore"), description: "The restore that is under way, or the last one." },
      said("restore"),
    ),
    sent(
      "live._meta.fuse",
      {
        address: address(META, "fuse.{collection}"),
        description: "The deletions of a collection within the last minute, and whether further ones are held.",
        parameters: { collection: { description: "A collection's name." } },
      },
      said("fuse"),
    ),
    sent(
      "live._meta.held",
      {
        address: address(META, "held.{collection}.{id}"),
        description: "A deletion that the fuse holds.",
        parameters: { collection: { description: "A collection's name." }, id: ID },
      },
      said("held-deletion"),
    ),
    sent(
      "presence",
      {
        address: `${PRESENCE}.{webserver}`,
        description: "A webserver's last check-in, from one handler to the others. Webservers can't hear it.",
        parameters: { webserver: WEBSERVER },
      },
      said("presence"),
    ),
  ];
}

function sent(name: string, channel: Json, messages: Record<string, Json>): Part {
  const kinds = Object.keys(messages);
  const refs = Object.fromEntries(kinds.map((kind) => [kind, toMessage(kind)]));
  const operation = { action: "send", channel: toChannel(name), summary: channel.description, messages: inChannel(name, kinds) };
  return { channels: { [name]: { ...channel, messages: refs } }, operations: { [name]: operation }, messages };
}

function address(collection: string, id: string): string {
  return liveSubject(collection).replace(/>$/, id);
}
