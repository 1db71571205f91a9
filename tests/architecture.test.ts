// Goal: the folder names are the architecture: who may import whom, where time and randomness come from, how long a file may be, which folders
// there are. Method: the sources' imports, read by a small parser; what is found is compared with the tables below.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, sep } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const MAX_LINES = 400;

/** What each part may import of the others, and which packages. The longest name that fits a file is its part. */
const LAYERS: Record<string, { of: readonly string[]; packages: readonly string[] }> = {
  schemas: { of: ["schemas"], packages: ["ajv", "ajv-formats"] },
  "bus/platform": { of: ["bus/platform", "schemas"], packages: ["pino"] },
  "bus/wire": { of: ["bus/wire", "bus/platform", "schemas"], packages: ["nats"] },
  bus: { of: ["bus", "bus/wire", "bus/platform", "schemas"], packages: ["sql.js"] },
  functions: { of: ["functions", "bus/wire", "bus/platform", "schemas"], packages: ["@nats-io/jwt"] },
  apps: {
    of: ["apps", "bus/index.ts"],
    packages: ["@fastify/cookie", "@fastify/multipart", "@fastify/rate-limit", "@fastify/swagger", "fastify", "httpxy", "jose"],
  },
  // What a browser runs: of the rest it has the pure functions on documents, and types.
  "apps/console": {
    of: ["apps/console", "schemas/document.ts", "schemas/elements.ts", "schemas/merge.ts", "schemas/types.ts"],
    packages: ["preact", "preact/hooks", "uplot"],
  },
  // What judges the history must not share a fault with what made it.
  "bench/faults/check": { of: ["bench/faults/check"], packages: [] },
  "bench/faults/under-test": {
    of: [
      "bench/faults",
      "bench/faults/under-test",
      "bench/faults/breaks",
      "bench/faults/check",
      "bus/index.ts",
      "bus/wire/hooks.ts",
      "functions/datastore.ts",
    ],
    packages: [],
  },
  "bench/faults/breaks": { of: ["bench/faults", "bench/faults/breaks", "bus", "bus/wire"], packages: [] },
  "bench/faults": {
    of: ["bench/faults", "bench/faults/check", "bench/faults/under-test/content.ts", "bus/wire", "schemas"],
    packages: [],
  },
  scripts: {
    of: ["scripts", "apps", "bench/faults", "bench/faults/breaks", "functions", "bus", "bus/wire", "bus/platform", "schemas"],
    packages: ["ajv", "ajv/dist/standalone/index.js", "commander", "esbuild", "json-schema-to-typescript"],
  },
};
/** The one file for each of these packages. */
const ONLY_IN: Record<string, string> = { nats: "bus/wire/nats.ts", pino: "bus/platform/log.ts" };
/** Files that import by a name that is made at run time. */
const BY_NAME = ["schemas/validators.ts", "functions/host/load.ts"];
const FOLDERS = ["functions", "schemas", "bus", "scripts", "tests", "apps", "bench", "deploy", "docs", "node_modules", "dist"];

const IMPORTS = [
  /^\s*(?:import|export)\b[^"'`;]*?\bfrom\s*["']([^"']+)["']/gm,
  /^\s*import\s*["']([^"']+)["']/gm,
  /\b(?:import|require)\(\s*["']([^"']+)["']\s*\)/g,
];

/** Source text without comments; strings stay as they are. */
function withoutComments(source: string): string {
  return source.replace(
    /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (_match, text?: string) => text ?? "",
  );
}

/** Every module that a source text imports or exports from. */
function importsOf(source: string): string[] {
  const text = withoutComments(source);
  return IMPORTS.flatMap((pattern) => [...text.matchAll(pattern)].map(([, specifier]) => specifier as string));
}

interface Source {
  /** From the root, with `/`. */
  file: string;
  text: string;
}

function sourcesOf(folder: string): Source[] {
  let names: string[];
  try {
    names = readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" });
  } catch {
    return []; // not there yet
  }
  const files = names.filter((name) => /\.(tsx?|mjs|js)$/.test(name)).map((name) => `${folder}/${name.split(sep).join("/")}`);
  return files.map((file) => ({ file, text: readFileSync(join(ROOT, file), "utf8") }));
}

const SOURCES = ["schemas", "bus", "functions", "apps", "bench/faults", "scripts"].flatMap(sourcesOf);

function layerOf(file: string): string {
  const names = Object.keys(LAYERS).filter((name) => file.startsWith(`${name}/`));
  return names.sort((a, b) => b.length - a.length)[0] ?? "";
}

/** What is wrong with one import; undefined: nothing. */
function faultOf({ file }: Source, specifier: string): string | undefined {
  const layer = LAYERS[layerOf(file)];
  if (specifier.startsWith("node:")) return undefined;
  if (!specifier.startsWith(".")) {
    if (builtinModules.includes(specifier)) return `write node:${specifier}`;
    const only = ONLY_IN[specifier];
    if (only !== undefined && only !== file) return `only ${only} may import it`;
    return layer?.packages.includes(specifier) ? undefined : "this package is not this part's";
  }
  const target = relative(ROOT, join(ROOT, dirname(file), specifier))
    .split(sep)
    .join("/");
  if (!/\.(tsx?|mjs)$/.test(specifier)) return "a relative import names the file with its ending";
  return layer?.of.includes(layerOf(target)) || layer?.of.includes(target) ? undefined : `it is of ${layerOf(target)}`;
}

describe("the architecture", () => {
  it("is read right from the sources", () => {
    const text = [
      'import a, { type B } from "./a.ts";',
      'import {\n  c,\n} from "../c.ts";',
      'import "./d.ts";',
      'export type * from "./e.ts";',
      'export { f } from "./f.ts";',
      'const g = await import("./g.ts");',
      '// import h from "./h.ts";',
      '/** import i from "./i.ts"; */',
      'const j = "// no comment"; import k from "./k.ts";',
      "const l = `import m from 'm'`;",
      'export const n = 1; const o = "from";',
    ].join("\n");
    assert.deepEqual(importsOf(text).sort(), ["../c.ts", "./a.ts", "./d.ts", "./e.ts", "./f.ts", "./g.ts"]);
    assert.deepEqual(["bus/wire/nats.ts", "bus/bus.ts", "schemas/index.ts", "bus/replica/row.ts"].map(layerOf), [
      "bus/wire",
      "bus",
      "schemas",
      "bus",
    ]);
    assert.ok(SOURCES.length > 80 && SOURCES.flatMap(({ text: source }) => importsOf(source)).length > 300);
  });

  it("lets each part import only what is below it", () => {
    const faults = SOURCES.flatMap((source) =>
      importsOf(source.text).flatMap((specifier) => {
        const fault = faultOf(source, specifier);
        return fault === undefined ? [] : [`${source.file} imports ${specifier}: ${fault}`];
      }),
    );
    assert.deepEqual(faults, []);
  });

  it("would notice an import that goes the wrong way", () => {
    const wrong: [string, string][] = [
      ["schemas/index.ts", "../bus/wire/subjects.ts"],
      ["schemas/index.ts", "nats"],
      ["bus/platform/log.ts", "../wire/nats.ts"],
      ["bus/wire/stream.ts", "../bus.ts"],
      ["bus/wire/stream.ts", "nats"],
      ["bus/bus.ts", "../functions/put.ts"],
      ["functions/put.ts", "../bus/bus.ts"],
      ["functions/put.ts", "../bus/api.ts"],
      ["functions/host/serve.ts", "../../scripts/demo.ts"],
      ["apps/webserver/index.ts", "../../bus/wire/nats.ts"],
      ["apps/webserver/index.ts", "../../functions/datastore.ts"],
      ["apps/console/app.tsx", "../webserver/app.ts"],
      ["apps/console/app.tsx", "../../bus/index.ts"],
      ["apps/webserver/app.ts", "../console/app.tsx"],
      ["bench/faults/check/model.ts", "../../../bus/index.ts"],
      ["bench/faults/check/model.ts", "../recorder.ts"],
      ["bench/faults/round.ts", "../../bus/index.ts"],
      ["bus/bus.ts", "../bench/faults/clock.ts"],
      ["bus/bus.ts", "fs"],
      ["bus/bus.ts", "./follow"],
    ];
    for (const [file, specifier] of wrong) assert.ok(faultOf({ file, text: "" }, specifier), `${file} ${specifier}`);
    assert.equal(faultOf({ file: "apps/webserver/index.ts", text: "" }, "../../bus/index.ts"), undefined);
  });

  it("imports nothing by a name made at run time, but functions, and validators that were built", () => {
    const found = SOURCES.filter(({ file }) => !file.startsWith("scripts/")).filter(({ text }) =>
      /\b(import|require)\((?!\s*["'])/.test(withoutComments(text)),
    );
    assert.deepEqual(
      found.map(({ file }) => file),
      BY_NAME,
    );
  });

  it("has one source of time and one of randomness, so that tests can set both", () => {
    const uses =
      /\b(Date\.now|performance\.now|process\.hrtime|Math\.random|randomBytes|randomInt|randomUUID|getRandomValues)\b|\bnew Date\(\)/g;
    // The fault injector looks at them from outside, and moves their clocks.
    const theirs = SOURCES.filter(({ file }) => !file.startsWith("scripts/") && !/^bench\/faults\/(?!check\/)/.test(file));
    const found = theirs.flatMap(({ file, text }) => [...withoutComments(text).matchAll(uses)].map(([use]) => `${file}: ${use}`));
    const allowed =
      /^(bus\/platform\/(clock\.ts: (Date|performance)\.now|random\.ts: (Math\.random|randomBytes))|apps\/console\/(lib\/time\.ts: Date\.now|lib\/panels\.ts: getRandomValues))$/;
    assert.deepEqual(
      found.filter((use) => !allowed.test(use)),
      [],
    );
    assert.ok(found.length >= 4, "and they are found there");
  });

  it("makes no deadline of AbortSignal.timeout, which Node 20 may collect before it ends: withSignal does; nor, in a bus, AbortSignal.any: linked does", () => {
    const uses = (what: string) => SOURCES.filter(({ text }) => withoutComments(text).includes(what)).map(({ file }) => file);
    assert.deepEqual(uses("AbortSignal.timeout"), []);
    assert.deepEqual(
      uses("AbortSignal.any").filter((file) => file.startsWith("bus/")),
      [],
    );
  });

  it("has short files", () => {
    const long = SOURCES.filter(({ text }) => !text.startsWith("// Generated")).map(({ file, text }) => ({
      file,
      lines: text.split("\n").length - 1,
    }));
    assert.deepEqual(
      long.filter(({ lines }) => lines > MAX_LINES),
      [],
    );
  });

  it("has the folders that it should have at the top", () => {
    const folders = readdirSync(ROOT, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
    assert.deepEqual(
      folders.filter((name) => !name.startsWith(".") && !FOLDERS.includes(name)),
      [],
    );
    for (const name of ["functions", "schemas", "bus", "scripts", "tests"]) assert.ok(folders.includes(name), name);
  });

  it("has no stale generated file", () => {
    const { status, stderr } = spawnSync(process.execPath, [join(ROOT, "dist/scripts/dev/generate.js"), "--check"], {
      encoding: "utf8",
    });
    assert.equal(status, 0, stderr);
  });
});
