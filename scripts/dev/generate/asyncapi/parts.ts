/** What docs/asyncapi.json is put together from. */

/** A piece of the document. */
export type Json = Record<string, unknown>;

/** What one kind of exchange adds to the document; the keys are unique in all of it. */
export interface Part {
  channels: Record<string, Json>;
  operations: Record<string, Json>;
  /** Of the components. */
  messages: Record<string, Json>;
}

export const WEBSERVER = {
  description: "The webserver's id, `[A-Za-z0-9_-]{1,64}`. NATS permissions bind it to the connection.",
};

export const toChannel = (name: string) => ({ $ref: `#/channels/${name}` });
export const toMessage = (name: string) => ({ $ref: `#/components/messages/${name}` });
export const toSchema = (id: string) => ({ $ref: `#/components/schemas/${id}` });
/** An operation names messages by the channel's references to them. */
export const inChannel = (channel: string, kinds: readonly string[]) =>
  kinds.map((kind) => ({ $ref: `#/channels/${channel}/messages/${kind}` }));
