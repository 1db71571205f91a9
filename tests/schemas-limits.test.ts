// Goal: every limit that a collection declares holds: at it and beside it a document is taken, over it it is refused where the fault is. Method: the
// limits are read from the schema files, so that none is left out; a keyword that this test does not know fails it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { listStatement } from "../bus/replica/tables.ts";
import { encodeBody } from "../schemas/document.ts";
import { loadSchemas } from "../schemas/index.ts";
import { limitsOf, type Schema } from "./support/limits.ts";

interface SchemaFile extends Schema {
  definitions?: Record<string, Schema>;
}

const FOLDER = fileURLToPath(new URL("../../schemas", import.meta.url));
const read = (file: string) => JSON.parse(readFileSync(join(FOLDER, file), "utf8")) as SchemaFile;
const COMMON = read("document.json");
const { collections } = loadSchemas();

/** A collection's documents as one schema: its own fields and the common ones that it takes. */
function shapeOf(name: string, fields: unknown): { shape: Schema; resolve(reference: string): Schema } {
  const { type, required, additionalProperties, definitions } = read(`collections/${name}.json`);
  const shape = {
    ...(type && { type }),
    ...(required && { required }),
    ...(additionalProperties !== undefined && { additionalProperties }),
    properties: fields as Record<string, Schema>,
  };
  return {
    shape,
    resolve(reference) {
      const local = /^#\/definitions\/(\w+)$/.exec(reference)?.[1];
      return local ? ((definitions ?? COMMON.definitions)?.[local] as Schema) : read(`${reference}.json`);
    },
  };
}

for (const schema of collections.values()) {
  const { collection } = schema;
  describe(`the limits of ${collection}`, () => {
    const { shape, resolve } = shapeOf(collection, schema.fields);
    for (const { keyword, good, bad } of limitsOf(shape, resolve)) {
      it(keyword.trim(), () => {
        assert.ok(good.length > 0 && bad.length > 0);
        for (const doc of good) schema.validate(doc);
        for (const { doc, path } of bad) assert.throws(() => schema.validate(doc), { code: "SCHEMA_INVALID", path });
      });
    }

    it("bytes", () => {
      const { bytes } = schema.limits;
      const around = Buffer.byteLength(JSON.stringify({ pad: "" }));
      for (const character of ["x", "é"]) {
        const width = Buffer.byteLength(character);
        const fit = Math.floor((bytes - around) / width);
        const odd = "x".repeat(bytes - around - fit * width);
        const pad = character.repeat(fit) + odd;
        assert.equal(encodeBody(schema, { pad }).length, bytes);
        assert.equal(encodeBody(schema, { pad: pad.slice(1) }).length, bytes - width);
        assert.throws(() => encodeBody(schema, { pad: `${pad}x` }), { code: "TOO_LARGE", limit: bytes });
      }
    });

    it("the size of a list", () => {
      for (const limit of [1, 2, 999, 1000]) assert.equal(listStatement(schema, { limit }).limit, limit);
      for (const limit of [0, -1, 1001, 1.5])
        assert.throws(() => listStatement(schema, { limit }), { code: "BAD_MESSAGE", path: "/limit", limit: 1000 });
    });
  });
}

it("every kind of limit is found in the schema files", () => {
  const found = [...collections.values()].flatMap((schema) => {
    const { shape, resolve } = shapeOf(schema.collection, schema.fields);
    return [...limitsOf(shape, resolve)].map(({ keyword }) => keyword.slice(keyword.lastIndexOf(" ") + 1));
  });
  assert.ok(found.length > 300, String(found.length));
  for (const keyword of [
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "maxItems",
    "uniqueItems",
    "pattern",
    "required",
    "enum",
  ])
    assert.ok(found.includes(keyword), keyword);
});
