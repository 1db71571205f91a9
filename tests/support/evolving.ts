/** A collection that changes from one version of a product to the next. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface TaskSchema {
  version?: number;
  upcast?: readonly object[];
  fields: Readonly<Record<string, object>>;
  indexes?: readonly string[];
}

/** The text of a schema file tasks.json. */
export function taskSchema({ version = 1, upcast, fields, indexes = [] }: TaskSchema): string {
  return JSON.stringify({
    $id: "tasks",
    title: "Task",
    type: "object",
    allOf: [{ $ref: "document" }],
    required: ["id"],
    properties: fields,
    collection: {
      version,
      database: "webstore",
      key: ["id"],
      indexes,
      limits: { bytes: 65536 },
      policy: "merge",
      offline: true,
      retention: { versions: 20 },
      ...(upcast && { upcast }),
    },
  });
}

/** A folder with that file, for the option `schemas`. */
export function taskFolder(folder: string, schema: TaskSchema): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "tasks.json"), taskSchema(schema));
  return folder;
}
