/** Collections of one kind of document, one for each way of settling a conflict. */

export const POLICIES = { merged: "merge", rejected: "reject", overwritten: "last-writer-wins", careless: "last-writer-wins" };
export type Name = keyof typeof POLICIES;

export interface Sheet extends Record<string, unknown> {
  id: string;
  title?: string;
  note?: string;
  panels: { id: string; text: string }[];
}

export function schemaOf(name: Name): object {
  const text = { type: "string" };
  const panel = { type: "object", required: ["id"], properties: { id: text, text } };
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    $id: name,
    title: "Sheet",
    type: "object",
    required: ["id"],
    // Two that add a panel may make one too many.
    properties: {
      id: text,
      title: text,
      note: text,
      secret: { ...text, writeOnly: true },
      panels: { type: "array", items: panel, maxItems: 4 },
    },
    additionalProperties: false,
    collection: {
      version: 1,
      database: "webstore",
      key: ["id"],
      indexes: [],
      limits: { bytes: 4_210_688 },
      policy: POLICIES[name],
      ...(name === "careless" && { keepsLosing: false }),
      offline: false,
      retention: { versions: 1 },
    },
  };
}
