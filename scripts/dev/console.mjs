// Bundles the console: a page, its script and its style, named by their contents, so that browsers may keep them for ever.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";

/** Empties `out` and fills it from `source`. */
export async function bundleConsole(source, out) {
  rmSync(out, { recursive: true, force: true });
  const { metafile } = await build({
    entryPoints: [
      { in: join(source, "main.tsx"), out: "main" },
      { in: join(source, "icon.svg"), out: "icon" },
      { in: join(source, "style/main.css"), out: "main" },
    ],
    outdir: out,
    entryNames: "[name]-[hash]",
    bundle: true,
    format: "esm",
    target: ["es2022", "chrome123", "firefox120", "safari17.5"],
    minify: true,
    metafile: true,
    jsx: "automatic",
    jsxImportSource: "preact",
    loader: { ".svg": "copy" },
    alias: { "node:util": join(source, "lib/util.ts") },
    logLevel: "warning",
  });
  const names = Object.keys(metafile.outputs).map((file) => basename(file));
  const page = readFileSync(join(source, "index.html"), "utf8").replace(
    /"\/(main|icon)\.(js|css|svg)"/g,
    (_found, name, ending) => {
      const built = names.find((file) => file.startsWith(`${name}-`) && file.endsWith(`.${ending}`));
      return `"/console/${built}"`;
    },
  );
  writeFileSync(join(out, "index.html"), page);
}
