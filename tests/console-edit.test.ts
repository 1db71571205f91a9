// Goal: a form that somebody fills in, saves and goes on filling in is right in whatever order answers and events come. Method: the console's own edit against a
// store in memory, with the order drawn at random, among what others write; and the order that was once wrong, as an example.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ApiError } from "../apps/console/api/client.ts";
import { Edit, type Remote } from "../apps/console/edit/edit.ts";
import type { Doc } from "../schemas/document.ts";

/** One document as a webserver keeps it: it sets fields of its own, and tells of each version. `arrives` is waited for on each way. */
class Store {
  doc: Doc | undefined;
  revision = 0;
  told: () => unknown = () => {};
  readonly #arrives: (what: string) => Promise<unknown>;

  constructor(arrives: (what: string) => Promise<unknown>) {
    this.#arrives = arrives;
  }

  put(doc: Doc): void {
    this.revision += 1;
    this.doc = { ...doc, uid: 1000, updatedAt: String(this.revision) };
    void this.#arrives("event").then(() => this.told());
  }

  remote: Remote = {
    read: async () => {
      await this.#arrives("read");
      const { doc, revision } = this;
      await this.#arrives("what was read");
      if (!doc) throw new ApiError("NOT_FOUND", "There is none.", 404);
      return { body: doc, revision, pending: false };
    },
    write: async (doc, ifRevision) => {
      await this.#arrives("write");
      const refused = ifRevision !== undefined && ifRevision !== this.revision;
      if (!refused) this.put(doc);
      const { revision } = this;
      await this.#arrives("answer");
      if (refused) throw new ApiError("REVISION_CONFLICT", "Another one was first.", 412);
      return { revision };
    },
    isAlone: () => false,
  };
}

type Act = { by: "me" | "others"; field: string; value: number } | { by: "save" };
const BLANK: Doc = { data: {} };
const field = (act: Act): Doc => (act.by === "save" ? {} : { [act.field]: act.value });

describe("an edit", () => {
  it("has nothing left to save when it hears of its own first write before the answer", async () => {
    const store = new Store(async () => {});
    const edit = new Edit(store.remote, BLANK);
    await edit.read();
    edit.change({ data: { theme: "dark" } });
    const write = store.remote.write;
    store.remote.write = async (...asked) => {
      const answer = await write(...asked);
      // The event comes, and whatever it leads to has its time.
      const heard = edit.read();
      await Promise.race([heard, new Promise((resolve) => setTimeout(resolve, 10))]);
      return answer;
    };
    assert.equal(await edit.save(), "stored");
    assert.equal(edit.changed, false);
    await edit.read();
    assert.equal(edit.changed, false);
    assert.deepEqual(edit.state.now.mine, store.doc);
  });

  it("takes what the webserver gives to what it makes for no change of somebody's", async () => {
    const store = new Store(async () => {});
    const edit = new Edit(store.remote, BLANK);
    await edit.read();
    edit.change({ data: { theme: "dark" } });
    assert.equal(await edit.save(), "stored");
    await edit.read();
    const told = (of: Edit) => of.state.now.notice?.adopted;
    assert.equal(told(edit), undefined);
    store.put({ ...store.doc, data: { theme: "light" } });
    await edit.read();
    assert.deepEqual(told(edit), ["/data/theme"]);
    edit.dismiss();
    // Also when somebody else's change is there before it is read.
    const again = new Edit(store.remote);
    await again.read();
    store.doc = undefined;
    await again.read();
    assert.equal(await again.makeAgain(), "stored");
    store.put({ ...(store.doc as Doc | undefined), ownerId: 7, data: { theme: "dark" } });
    await again.read();
    assert.deepEqual(told(again), ["/data/theme"]);
  });

  it("knows that it was deleted, also when what was read before comes after", async () => {
    let arrive: (() => void) | undefined;
    let [late, turns] = [false, 0];
    const store = new Store(async (what) => {
      if (what === "what was read" && late) await new Promise<void>((resolve) => (arrive = resolve));
    });
    store.put({ name: "a" });
    const edit = new Edit(store.remote);
    await edit.read();
    const change = { collection: "dashboards", id: "x" };
    late = true;
    edit.heard({ ...change, revision: 2, deleted: false });
    while (!arrive) await new Promise((resolve) => setImmediate(resolve));
    late = false;
    store.doc = undefined;
    edit.heard({ ...change, revision: 3, deleted: true });
    arrive();
    while (!edit.state.now.deleted && ++turns < 100) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(edit.state.now.deleted, true);
  });

  it("says no more that it can't be read once it could be", async () => {
    const store = new Store(async () => {});
    store.put({ name: "a" });
    const { read } = store.remote;
    const edit = new Edit(store.remote);
    await edit.read();
    store.remote.read = async () => Promise.reject(new ApiError("NO_WEBSERVER", "There is none.", 503));
    await edit.read();
    assert.deepEqual([edit.state.now.error?.code, edit.unread], ["NO_WEBSERVER", true]);
    store.remote.read = read;
    await edit.read();
    assert.deepEqual([edit.state.now.error, edit.unread], [undefined, false]);
    // What a save was refused with stays until the next one.
    store.remote.write = async () => Promise.reject(new ApiError("HELD", "It is held.", 503));
    edit.change({ name: "b" });
    assert.equal(await edit.save(), "not");
    await edit.read();
    assert.deepEqual([edit.state.now.error?.code, edit.unread], ["HELD", false]);
  });

  it("asks for no choice any more when others came to the same", async () => {
    const store = new Store(async () => {});
    store.put({ name: "first", description: "d" });
    const edit = new Edit(store.remote);
    await edit.read();
    edit.change({ name: "mine" });
    store.put({ ...store.doc, name: "theirs" });
    await edit.read();
    assert.deepEqual(edit.state.now.clashes, [{ path: "/name", base: "first", theirs: "theirs" }]);
    store.put({ ...store.doc, description: "e" });
    await edit.read();
    assert.equal(edit.state.now.clashes.length, 1, "it is still to be decided");
    store.put({ ...store.doc, name: "mine" });
    await edit.read();
    assert.deepEqual([edit.state.now.clashes, edit.changed], [[], false]);
  });

  it("keeps what is typed and takes over what others write, in any order of answers and events", async () => {
    const act: fc.Arbitrary<Act> = fc.oneof(
      fc.record({ by: fc.constant("me" as const), field: fc.constantFrom("a", "b"), value: fc.nat(3) }),
      fc.record({ by: fc.constant("others" as const), field: fc.constantFrom("c", "d"), value: fc.nat(3) }),
      fc.constant({ by: "save" as const }),
    );
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.boolean(), fc.array(act, { maxLength: 12 }), async (scheduler, isNew, acts) => {
        const store = new Store((what) => scheduler.schedule(Promise.resolve(), what));
        const edit = new Edit(store.remote, BLANK);
        store.told = () => edit.read();
        if (!isNew) store.put(BLANK);
        const typed: Doc = {};
        let unsaved = 0;
        const save = async () => {
          unsaved = 0;
          assert.equal(await edit.save(), "stored");
          if (unsaved === 0) assert.equal(edit.changed, false, "what was saved is still to be saved");
        };
        const work = async () => {
          await edit.read();
          const saves: Promise<void>[] = [];
          for (const next of acts) {
            await scheduler.schedule(Promise.resolve(), "somebody acts");
            if (next.by === "others") store.put({ ...(store.doc ?? BLANK), ...field(next) });
            // While one is saved the button can't be pressed.
            else if (next.by === "save" && !edit.state.now.saving) saves.push(save());
            else if (next.by === "me") {
              unsaved += 1;
              Object.assign(typed, field(next));
              edit.change(field(next));
            }
          }
          await Promise.all(saves);
          await edit.read();
        };
        await scheduler.waitFor(work());
        const { mine } = edit.state.now;
        assert.deepEqual(mine, { ...mine, ...typed }, "something that was typed is gone");
        await scheduler.waitFor(save());
        await scheduler.waitFor(edit.read());
        assert.deepEqual(edit.state.now.mine, store.doc);
        assert.equal(edit.changed, false);
      }),
    );
  });
});
