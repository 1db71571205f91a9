/** The schemas: one JSON Schema file for each document and each message. Types, validators, the replica's tables, conflict policies
 *  and documents all come from them. `loadSchemas` reads and checks the files; nothing here does any other I/O. */
import { basename, resolve } from "node:path";
import type { ErrorObject, ValidateFunction } from "ajv";
import { escapePointer, STAMPS } from "./document.ts";
import { FrontsyncError } from "./errors.ts";
import { COLLECTIONS, type JsonObject, jsonFiles, readCommon, readJson, readMessages } from "./files.ts";
import type { CollectionDeclaration, Messages } from "./types.ts";
import { upcastFault } from "./upcast.ts";
import { builtValidator, openAjv } from "./validators.ts";

/** A collection as its schema file declares it. */
export interface CollectionSchema extends CollectionDeclaration {
  readonly collection: string;
  readonly title: string;
  readonly description: string;
  /** Fields that no document is without. */
  readonly required: readonly string[];
  /** Every top-level field, those of `document.json` included. */
  readonly fields: Readonly<Record<string, JsonObject>>;
  /** Fields that the datastore sets: ignored in what callers send. */
  readonly readOnly: readonly string[];
  /** Those of them that no edit touches: only the datastore's own functions do. */
  readonly kept: readonly string[];
  /** Fields that no user is shown (`writeOnly`). */
  readonly secret: readonly string[];
  /** Throws SCHEMA_INVALID with the path of the fault. */
  validate(doc: unknown): void;
}

export interface Schemas {
  /** Throws UNKNOWN_COLLECTION. */
  collection(name: string): CollectionSchema;
  readonly collections: ReadonlyMap<string, CollectionSchema>;
  /** The names of the functions that are no plain verbs, e.g. `users.login`. */
  readonly calls: ReadonlySet<string>;
  /** The schema file of a message, as it is written: what describes an API is made from it. */
  source(kind: keyof Messages): Readonly<JsonObject>;
  /** Reads a message from its bytes or JSON text. Throws BAD_MESSAGE with the path of the fault. */
  read<K extends keyof Messages>(kind: K, bytes: Uint8Array | string): Messages[K];
}

const MAX_COLLECTION_NAME = 64;
/** Of a path in an error: a name that somebody made up may be as long as a message. */
const MAX_PATH = 1000;
const decoder = new TextDecoder("utf-8", { fatal: true });

/** The folders of an option `schemas`, as absolute paths. Throws BAD_CONFIG. */
export function schemaFolders(given: unknown = []): string[] {
  if (Array.isArray(given) && given.every((folder): folder is string => typeof folder === "string" && folder !== ""))
    return given.map((folder) => resolve(folder));
  throw new FrontsyncError("BAD_CONFIG", "`schemas` must be a list of folders with schema files.");
}

/** Frontsync's own schemas and those of further `folders` (one file for each collection).
 *  Throws BAD_CONFIG that names the file and the fault. */
export function loadSchemas(folders: readonly string[] = []): Schemas {
  return folders.length === 0 ? ownSchemas() : readSchemas(folders);
}

type Compile = (source: JsonObject) => () => ValidateFunction;

/** Its own don't change while a process runs. */
const ownSchemas = onFirstUse(() => readSchemas([]));

function readSchemas(folders: readonly string[]): Schemas {
  const ajv = onFirstUse(openAjv);
  const messageSchemas = readMessages();
  const messages = new Map(
    messageSchemas.map(({ $id }) => {
      const id = String($id);
      return [id, onFirstUse(() => builtValidator(id) ?? ajv().compile({ $ref: id }))];
    }),
  );

  const own: Compile = (source) => onFirstUse(() => builtValidator(String(source.$id)) ?? ajv().compile(source));
  // What is wrong with others' files is told at the start.
  const others: Compile = (source) => {
    const validate = ajv().compile(source);
    return () => validate;
  };
  const common = readCommon();
  const collections = new Map<string, CollectionSchema>();
  for (const folder of [COLLECTIONS, ...folders]) {
    for (const file of jsonFiles(folder)) {
      const schema = readCollection(file, common, folder === COLLECTIONS ? own : others);
      // SQLite, which keeps the replica, does not tell names apart by case.
      if ([...collections.keys()].some((name) => name.toLowerCase() === schema.collection.toLowerCase())) {
        throw new FrontsyncError(
          "BAD_CONFIG",
          `${file}: the collection '${schema.collection}' is declared twice. Take one away.`,
        );
      }
      collections.set(schema.collection, schema);
    }
  }

  const calls = [...messages.keys()].flatMap((name) => /^(.+\..+)\.request$/.exec(name)?.[1] ?? []);
  return {
    collections,
    calls: new Set(calls),
    source: (kind) => messageSchemas.find(({ $id }) => $id === kind) ?? {},
    collection(name) {
      const schema = collections.get(name);
      if (!schema)
        throw new FrontsyncError(
          "UNKNOWN_COLLECTION",
          `No schema declares the collection ${JSON.stringify(String(name).slice(0, 80))}.`,
        );
      return schema;
    },
    read<K extends keyof Messages>(kind: K, bytes: Uint8Array | string): Messages[K] {
      const validate = messages.get(kind)?.();
      if (!validate) throw new FrontsyncError("INTERNAL", `There is no schema for the message '${kind}'.`);
      let message: unknown;
      try {
        message = JSON.parse(typeof bytes === "string" ? bytes : decoder.decode(bytes));
      } catch {
        // Not the reason: it quotes the text, and there may be a password in it.
        throw new FrontsyncError("BAD_MESSAGE", `A ${kind} is not JSON in UTF-8.`, { path: "" });
      }
      if (!validate(message)) throw fault("BAD_MESSAGE", `A ${kind}`, validate.errors);
      return message as Messages[K];
    },
  };
}

function onFirstUse<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function readCollection(file: string, common: JsonObject, compile: Compile): CollectionSchema {
  const source = readJson(file);
  const name = basename(file, ".json");
  const bad = (what: string) => new FrontsyncError("BAD_CONFIG", `${file}: ${what}`);
  if (name.startsWith("sqlite_")) throw bad("names that begin with `sqlite_` are reserved for SQLite, which keeps the replica.");
  if (!/^[a-z][A-Za-z0-9_-]*$/.test(name) || name.length > MAX_COLLECTION_NAME) {
    throw bad("a collection's file is named <collection>.json: a small letter, then at most 63 letters, digits, `_` or `-`.");
  }
  if (source.$id !== name) throw bad(`"$id" must be the file's name: "${name}".`);
  if (!source.collection)
    throw bad('there is no "collection" declaration; schemas/collection.meta.json says what belongs in it.');
  const validator = usable(() => compile(source), bad);
  const fields: Record<string, JsonObject> = {};
  for (const part of [...(Array.isArray(source.allOf) ? (source.allOf as JsonObject[]) : []), source]) {
    const from = part.$ref === "document" ? common : part;
    for (const [field, property] of Object.entries((from.properties ?? {}) as Record<string, JsonObject>))
      fields[field] = defined(property, from);
  }
  const declaration = source.collection as CollectionDeclaration;
  for (const field of [...declaration.key, ...declaration.indexes, declaration.owner, declaration.name, declaration.allocates]) {
    if (field !== undefined && !Object.hasOwn(fields, field))
      throw bad(`the declaration names the field '${field}', which the schema does not have.`);
  }
  for (const field of declaration.key) {
    if (!["string", "integer"].includes(String(fields[field]?.type)))
      throw bad(`the key field '${field}' must be of the type string or integer: it makes the id.`);
  }
  const { allocates } = declaration;
  if (allocates !== undefined && (declaration.key.at(-1) !== allocates || fields[allocates]?.type !== "integer"))
    throw bad(`'${allocates}', which the datastore gives, must be an integer, and the last key field.`);
  if (declaration.key.length === 2 && fields[declaration.key[0] as string]?.type !== "integer") {
    throw bad("of two key fields the first must be an integer: else two documents could have one id.");
  }
  const outdated = upcastFault(declaration, fields);
  if (outdated !== undefined) throw bad(outdated);
  const readOnly = Object.keys(fields).filter((field) => fields[field]?.readOnly === true);
  return {
    ...declaration,
    collection: name,
    title: String(source.title ?? name),
    description: String(source.description ?? ""),
    required: (source.required ?? []) as string[],
    fields,
    readOnly,
    kept: readOnly.filter((field) => !STAMPS.includes(field)),
    secret: Object.keys(fields).filter((field) => fields[field]?.writeOnly === true),
    validate(doc) {
      const validate = validator();
      if (!validate(doc)) throw fault("SCHEMA_INVALID", `A document of ${name}`, validate.errors);
    },
  };
}

/** Throws BAD_CONFIG: the schema can't be compiled. */
function usable<T>(compile: () => T, bad: (what: string) => FrontsyncError): T {
  try {
    return compile();
  } catch (cause) {
    throw bad(`the schema can't be used: ${(cause as Error).message}`);
  }
}

/** The definition in the same file that a field's reference means; else the field as it is. */
function defined(property: JsonObject, { definitions = {} }: JsonObject): JsonObject {
  const name = /^#\/definitions\/(.+)$/.exec(String(property.$ref))?.[1];
  return (name !== undefined && (definitions as Record<string, JsonObject>)[name]) || property;
}

function fault(code: "BAD_MESSAGE" | "SCHEMA_INVALID", what: string, errors: ErrorObject[] | null | undefined): FrontsyncError {
  const error = errors?.[0];
  const params = error?.params as { additionalProperty?: string; missingProperty?: string } | undefined;
  const field = params?.additionalProperty ?? params?.missingProperty;
  const path = (error?.instancePath ?? "") + (field === undefined ? "" : `/${escapePointer(field)}`);
  return new FrontsyncError(
    code,
    `${what} is refused at '${path.slice(0, 200)}': ${error?.message ?? "it does not fit its schema"}.`,
    { path: path.slice(0, MAX_PATH) },
  );
}
