// Goal: an import sees every JSON file of a folder once, in the same order each time, and ends whatever links are in it.
// Method: true folders, files and links.
import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { FrontsyncError } from "../schemas/errors.ts";
import { findJsonFiles } from "../scripts/support/import/files.ts";
import { temporaryFolder } from "./support/nats-server-kit.ts";

const never = new AbortController().signal;

function write(root: string, ...paths: string[]): void {
  for (const path of paths) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), "{}");
  }
}

async function paths(root: string): Promise<{ files: string[]; faults: string[] }> {
  const { files, faults } = await findJsonFiles(root, never);
  return { files: files.map(({ path }) => path), faults: faults.map(({ path, code }) => `${path} ${code}`) };
}

describe("the files of a folder", () => {
  test("are those that end in .json, in subfolders too, sorted by path", async (t) => {
    const root = temporaryFolder(t);
    write(root, "b.json", "a/z.JSON", "a/deep/er/x.json", "README.md", "json", "ü.json", "B.json");
    const expected = { files: ["B.json", "a/deep/er/x.json", "a/z.JSON", "b.json", "ü.json"], faults: [] };
    assert.deepEqual(await paths(root), expected);
    assert.deepEqual(await paths(`${root}/`), expected);
  });

  test("are found through links to files and folders, under the link's path", async (t) => {
    const [root, elsewhere] = [temporaryFolder(t), temporaryFolder(t)];
    write(elsewhere, "one.json", "sub/two.json");
    write(root, "own.json");
    symlinkSync(elsewhere, join(root, "linked"));
    symlinkSync(join(elsewhere, "one.json"), join(root, "alias.json"));
    assert.deepEqual(await paths(root), {
      files: ["alias.json", "linked/one.json", "linked/sub/two.json", "own.json"],
      faults: [],
    });
  });

  test("keep their paths when a link leads to them as well", async (t) => {
    const root = temporaryFolder(t);
    write(root, "z/one.json");
    symlinkSync("z", join(root, "a"));
    assert.deepEqual(await paths(root), { files: ["z/one.json"], faults: ["a BAD_CONFIG"] });
  });

  test("are found once when links lead in circles, and each such link is reported", async (t) => {
    const root = temporaryFolder(t);
    const folder = join(root, "import");
    write(folder, "sub/one.json");
    symlinkSync(".", join(folder, "self"));
    symlinkSync("..", join(folder, "sub/up"));
    symlinkSync(root, join(folder, "outside"));
    symlinkSync("/", join(folder, "top"));
    symlinkSync("loop.json", join(folder, "loop.json"));
    symlinkSync("loop", join(folder, "loop"));
    const { files, faults } = await paths(folder);
    assert.deepEqual(files, ["sub/one.json"]);
    assert.deepEqual(
      faults,
      ["loop", "loop.json", "outside", "self", "sub/up", "top"].map((path) => `${path} BAD_CONFIG`),
    );
  });

  test("that can't be what they seem are reported, and the others are found", async (t) => {
    const root = temporaryFolder(t);
    write(root, "good.json");
    symlinkSync("gone", join(root, "broken.json"));
    symlinkSync("gone", join(root, "broken-but-no-dashboard"));
    const server = createServer().listen(join(root, "socket.json"));
    t.after(() => server.close());
    await once(server, "listening");
    assert.deepEqual(await paths(root), { files: ["good.json"], faults: ["broken.json NOT_FOUND", "socket.json BAD_CONFIG"] });
  });

  test("in a folder that may not be read are reported by that folder", {
    skip: process.getuid?.() === 0 && "root may read all",
  }, async (t) => {
    const root = temporaryFolder(t);
    write(root, "good.json", "closed/hidden.json");
    chmodSync(join(root, "closed"), 0);
    const found = await paths(root).finally(() => chmodSync(join(root, "closed"), 0o700));
    assert.deepEqual(found, { files: ["good.json"], faults: ["closed NOT_ALLOWED"] });
  });
});

test("a folder that is not there, and a file, are refused", async (t) => {
  const root = temporaryFolder(t);
  write(root, "file.json");
  const code = (expected: string) => (error: unknown) => error instanceof FrontsyncError && error.code === expected;
  await assert.rejects(findJsonFiles(join(root, "gone"), never), code("NOT_FOUND"));
  await assert.rejects(findJsonFiles(join(root, "file.json"), never), code("BAD_CONFIG"));
});

test("the search ends when it is interrupted", async (t) => {
  const root = temporaryFolder(t);
  write(root, "a/b/c.json");
  const reason = new Error("enough");
  await assert.rejects(findJsonFiles(root, AbortSignal.abort(reason)), reason);
});
