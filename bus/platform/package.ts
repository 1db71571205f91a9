/** This package's version, from its package.json: found from dist/ and from the sources alike. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

function packageFile(from: string): string {
  const file = join(from, "package.json");
  return existsSync(file) ? file : packageFile(dirname(from));
}

export const VERSION: string = (
  JSON.parse(readFileSync(packageFile(dirname(fileURLToPath(import.meta.url))), "utf8")) as { version: string }
).version;
