// Goal: people who work at different webservers see each other's changes as they happen, and lose nothing: not to each other, not to an outage. Method: real
// browsers on two real webservers and one datastore, which goes away and comes back.
import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Page } from "playwright-core";
import { type Browsing, barriersOf, findBrowser, openBrowser, SOON_MS } from "./support/browser.ts";
import { type Place, twoWebservers } from "./support/console-data.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { PASSWORD } from "./support/webservers.ts";

describe("the console", { skip: findBrowser() === undefined && "there is no Chromium" }, () => {
  let place: Place;
  let browsing: Browsing;
  /** anna at web1, ben at web2. */
  let anna: Page;
  let ben: Page;

  before(async () => {
    place = await twoWebservers();
    browsing = await openBrowser();
    anna = await browsing.visit(place.a, "anna");
    ben = await browsing.visit(place.b, "ben");
  });
  after(async () => {
    await browsing?.[Symbol.asyncDispose]();
    await place?.[Symbol.asyncDispose]();
  });

  /** A dashboard of anna's that ben may change, there on both webservers. */
  async function dashboard(id: string, fields: object = {}): Promise<void> {
    const { revision } = await place.a.bus
      .asUser(place.anna)
      .collection("dashboards")
      .put({
        ...{
          id,
          name: id,
          description: "as it was",
          writers: { users: [place.ben] },
          data: { panels: [{ id: "p", title: "First", search: "a" }] },
        },
        ...fields,
      });
    await place.b.bus.caughtUp(revision);
  }

  const open = async (page: Page, hash: string) => {
    await page.goto(`/${hash}`);
  };
  const edit = async (page: Page, id: string) => {
    await open(page, `#/dashboards/${id}/edit`);
    await name(page).waitFor();
  };
  const name = (page: Page) => page.getByLabel("Name", { exact: true });
  const description = (page: Page) => page.getByLabel("Description");
  const save = async (page: Page) => page.getByRole("button", { name: "Save", exact: true }).click();
  const heading = (page: Page, text: string) => page.getByRole("heading", { level: 1, name: text, exact: true });
  const nameAt = async (server: Place["a"], id: string) => (await server.bus.collection("dashboards").get(id))?.doc.name;

  it("is a page that runs no script but its own, and is found on each webserver", async () => {
    for (const { address } of [place.a, place.b]) {
      const answer = await fetch(`${address}/`);
      const policy = answer.headers.get("content-security-policy") ?? "";
      assert.match(policy, /default-src 'none'; script-src 'self';/);
      assert.doesNotMatch(policy, /unsafe|\*|http/);
      const page = await answer.text();
      const files = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file as string);
      assert.equal(files.length, 3);
      for (const file of files) {
        const { status, headers } = await fetch(`${address}${file}`);
        assert.deepEqual([status, headers.get("cache-control")], [200, "public, max-age=31536000, immutable"], file);
      }
      assert.doesNotMatch(page, /<script(?![^>]* src=)|<style|style=|https?:/);
    }
    assert.equal((await fetch(`${place.a.address}/console/..%2f..%2fwebserver%2findex.js`)).status, 404);
  });

  it("is used by the keyboard alone: from the login to a dashboard that is changed and saved", async () => {
    await dashboard("keys", { name: "By keyboard" });
    const page = await browsing.visit(place.b);
    const { keyboard } = page;
    await page.getByRole("button", { name: "Log in" }).waitFor();
    await keyboard.type("ben");
    await keyboard.press("Tab");
    await keyboard.type(PASSWORD);
    await keyboard.press("Enter");
    await heading(page, "Dashboards").waitFor();
    await page.getByRole("link", { name: "By keyboard" }).waitFor();
    await tabTo(page, "By keyboard");
    await keyboard.press("Enter");
    await heading(page, "By keyboard").waitFor();
    await tabTo(page, "Edit");
    await keyboard.press("Enter");
    await name(page).waitFor();
    await tabTo(page, "Name");
    await keyboard.press("End");
    await keyboard.type(", really");
    await keyboard.press("Enter");
    await heading(page, "By keyboard, really").waitFor();
    await page.context().close();
    await eventually("web1 has it", SOON_MS, async () => (await nameAt(place.a, "keys")) === "By keyboard, really");
  });

  it("shows an edit of one webserver on the other, without a reload", async () => {
    await dashboard("seen", { name: "Before" });
    await open(ben, "#/dashboards/seen");
    await heading(ben, "Before").waitFor();
    await ben.evaluate("globalThis.same = true");
    await edit(anna, "seen");
    await name(anna).fill("After");
    await anna.getByRole("button", { name: "Add a panel" }).click();
    await save(anna);
    await heading(ben, "After").waitFor();
    await ben.getByRole("heading", { name: "New panel" }).waitFor();
    assert.equal(await ben.evaluate("globalThis.same"), true);
  });

  it("merges an edit in progress with another one's when they touch different fields, and says so", async () => {
    await dashboard("apart");
    await edit(anna, "apart");
    await edit(ben, "apart");
    await ben.getByLabel("Title").fill("Ben's panel");
    await name(anna).fill("Anna's name");
    await save(anna);
    await ben.getByText("Anna Lind changed name.").waitFor();
    await ben.getByText("That is merged with your edit").waitFor();
    assert.equal(await name(ben).inputValue(), "Anna's name");
    assert.equal(await ben.getByLabel("Title").inputValue(), "Ben's panel");
    await save(ben);
    await heading(ben, "Anna's name").waitFor();
    await anna.getByRole("heading", { name: "Ben's panel" }).waitFor();
  });

  it("never overwrites an edit in progress: where both changed the same field, whoever edits chooses", async () => {
    for (const [choice, expected] of [
      ["Keep mine of name", "Ben's"],
      ["Take theirs of name", "Anna's"],
      ["Go back to this of name", "clash2"],
    ] as const) {
      const id = `clash${["Ben's", "Anna's", "clash2"].indexOf(expected)}`;
      await dashboard(id);
      await edit(anna, id);
      await edit(ben, id);
      await name(ben).fill("Ben's");
      await description(ben).fill("of Ben");
      await name(anna).fill("Anna's");
      await anna.getByLabel("Labels").fill("new");
      await save(anna);
      const merge = ben.getByRole("region", { name: "Merge" });
      await merge.getByText("Anna Lind and you both changed the same field").waitFor();
      await merge.getByText("1 other change of theirs did not touch yours, and is merged: labels").waitFor();
      assert.equal(await name(ben).inputValue(), "Ben's");
      if (choice.startsWith("Keep")) assert.deepEqual(await barriersOf(ben, "merge"), []);
      assert.ok(await ben.getByRole("button", { name: "Save", exact: true }).isDisabled());
      await merge.getByRole("button", { name: choice }).click();
      await save(ben);
      await heading(ben, expected).waitFor();
      await eventually("web1 has all of it", SOON_MS, async () => {
        const doc = (await place.a.bus.collection("dashboards").get(id))?.doc;
        return doc?.name === expected && doc.description === "of Ben" && doc.labels?.[0] === "new";
      });
    }
  });

  it("says that somebody deleted what is edited, and keeps what was typed", async () => {
    await dashboard("gone");
    await edit(ben, "gone");
    await description(ben).fill("much work");
    await open(anna, "#/dashboards/gone");
    await anna.getByRole("button", { name: "Delete" }).click();
    await anna.getByRole("button", { name: "Delete it" }).click();
    await ben.getByText("Somebody has deleted this").waitFor();
    assert.equal(await description(ben).inputValue(), "much work");
    await ben.getByRole("button", { name: "Make it again, as you see it" }).click();
    await ben.getByText("Somebody has deleted this").waitFor({ state: "detached" });
    await eventually("it is there again", SOON_MS, async () => {
      return (await place.a.bus.collection("dashboards").get("gone"))?.doc.description === "much work";
    });
  });

  it("brings an earlier version back", async () => {
    await dashboard("versions", { name: "First" });
    await place.a.bus.collection("dashboards").patch("versions", { name: "Second" });
    await open(anna, "#/dashboards/versions/versions");
    await anna.getByText("Changed name").waitFor();
    await anna.getByRole("button", { name: "Bring back" }).click();
    await anna.getByRole("button", { name: "Bring it back" }).click();
    await heading(anna, "First").waitFor();
    await eventually("web2 has it", SOON_MS, async () => (await nameAt(place.b, "versions")) === "First");
  });

  it("goes on without the datastore: what is saved meanwhile arrives, and what collides is merged afterwards", async () => {
    await dashboard("outage");
    await dashboard("collision", { name: "Old" });
    await edit(anna, "outage");
    await description(anna).fill("typed before");
    await place.web.deployment.stopDatastore();
    try {
      for (const page of [anna, ben]) await page.getByText("Working on its own.").waitFor();
      assert.equal(await description(anna).inputValue(), "typed before");
      assert.deepEqual(await barriersOf(anna, "degraded"), []);
      await save(anna);
      await anna.getByText("It goes to the others when the datastore can be reached again.").waitFor();
      await anna.getByText("Not sent to the other webservers yet").waitFor();
      for (const [page, text] of [
        [anna, "Anna's"],
        [ben, "Ben's"],
      ] as const) {
        await edit(page, "collision");
        await name(page).fill(text);
        await save(page);
        await heading(page, text).waitFor();
      }
    } finally {
      await place.web.deployment.restartDatastore();
    }
    for (const page of [anna, ben]) await page.getByText("Working on its own.").waitFor({ state: "detached" });
    await eventually("web2 has what was typed", SOON_MS, async () => {
      return (await place.b.bus.collection("dashboards").get("outage"))?.doc.description === "typed before";
    });
    await eventually("web1 has the one that lost", SOON_MS, () => place.a.bus.status().conflicts === 1);
    await anna.getByRole("link", { name: "Conflicts 1" }).click();
    const conflict = anna.getByRole("region", { name: /^Conflict over/ });
    await conflict
      .getByRole("button", { name: /^(Keep mine|Take theirs) of name/ })
      .first()
      .click();
    await conflict.getByRole("button", { name: "Save what is merged" }).click();
    await anna.getByText("No conflicts").waitFor();
    const [here, there] = await Promise.all([nameAt(place.a, "collision"), nameAt(place.b, "collision")]);
    assert.ok(here === "Anna's" || here === "Ben's");
    await eventually("both show the same", SOON_MS, async () => (await nameAt(place.b, "collision")) === here || there === here);
  });

  it("uploads a resource at one webserver, and downloads it at the other", async () => {
    const content = Buffer.from("id,name\n1,one\n".repeat(50_000));
    await open(anna, "#/resources");
    await open(ben, "#/resources");
    await anna.getByLabel("Files to upload").setInputFiles({ name: "table.csv", mimeType: "text/csv", buffer: content });
    await anna.getByText("on every webserver", { exact: false }).last().waitFor();
    await anna.getByRole("button", { name: "Share table.csv" }).click();
    await anna.getByRole("region", { name: "Can see it" }).getByLabel("Operations").check();
    await anna.getByRole("button", { name: "Save sharing" }).click();
    const [download] = await Promise.all([
      ben.waitForEvent("download"),
      ben.getByRole("link", { name: "Download table.csv" }).click(),
    ]);
    assert.equal(download.suggestedFilename(), "table.csv");
    assert.ok(readFileSync(await download.path()).equals(content));
  });

  it("opens at one webserver the result of a search that ran on the other", async () => {
    await open(anna, "#/search");
    await anna.getByLabel("Query").fill("status=500");
    await anna.getByRole("button", { name: "Search", exact: true }).click();
    await anna.getByText("Done").waitFor();
    await anna.locator(".lines li").nth(17).waitFor();
    const lines = await anna.locator(".lines li").count();
    assert.equal(lines, 18);
    // The same login, at the other webserver.
    const state = await anna.context().storageState();
    const there = await browsing.visit(place.b, undefined, { storageState: state });
    await there.goto("/#/history");
    await there.getByRole("link", { name: "Result of status=500" }).click();
    await there.getByText("Held by web1, seen from web2").waitFor();
    await there
      .locator(".lines li")
      .nth(lines - 1)
      .waitFor();
    assert.equal(await there.locator(".lines li").count(), lines);
    await there.context().close();
  });

  it("shows admins the webservers, and others only how theirs is", async () => {
    await open(anna, "#/status");
    for (const webserver of ["web1", "web2"]) await anna.getByRole("rowheader", { name: webserver }).waitFor();
    await anna.getByRole("img", { name: /Changes per second/ }).waitFor();
    await open(ben, "#/status");
    await ben.getByText("Everything is saved").waitFor();
    assert.equal(await ben.getByRole("table").count(), 0);
    assert.equal(await ben.getByRole("link", { name: "Users" }).count(), 0);
  });

  it("takes preferences along, and logs out everywhere at once", async () => {
    const there = await browsing.visit(place.a, "ben");
    const theme = (page: Page) => page.locator("html[data-theme=dark]");
    await open(ben, "#/preferences");
    await ben.getByLabel("Colours").selectOption("dark");
    await save(ben);
    await Promise.all([theme(ben).waitFor(), theme(there).waitFor(), ben.getByText("Saved, on every webserver.").waitFor()]);
    await dashboard("session");
    await edit(there, "session");
    await description(there).fill("half a sentence");
    await open(ben, "#/account");
    await ben.getByRole("button", { name: "Log out everywhere" }).click();
    await there.getByText("Your session is over.").waitFor();
    assert.ok(await there.getByText("half a sentence").isHidden());
    await there.getByLabel("User").fill("ben");
    await there.getByLabel("Password").fill(PASSWORD);
    await there.getByRole("button", { name: "Log in" }).click();
    await there.getByText("Your session is over.").waitFor({ state: "detached" });
    assert.equal(await description(there).inputValue(), "half a sentence");
    await save(there);
    await eventually("it is saved", SOON_MS, async () => {
      return (await place.b.bus.collection("dashboards").get("session"))?.doc.description === "half a sentence";
    });
  });

  it("lets an admin make, group, lock and delete people, who notice at the other webserver", async () => {
    const button = (label: string) => anna.getByRole("button", { name: label, exact: true });
    const inDialog = (label: string) => anna.getByRole("dialog").getByRole("button", { name: label, exact: true });
    await open(anna, "#/users");
    await button("New user").click();
    await anna.getByLabel("User name").fill("carla");
    await anna.getByLabel("Password").fill(PASSWORD);
    await anna.getByRole("dialog").getByLabel("Security").check();
    await inDialog("Create").click();
    await button("Lock").waitFor();
    const uid = Number(new URL(anna.url()).hash.split("/").at(-1));
    await place.b.bus.caughtUp();
    assert.equal((await place.b.bus.collection("users").get(String(uid)))?.doc.groups?.length, 1);

    const carla = await browsing.visit(place.b, "carla");
    await heading(carla, "Dashboards").waitFor();
    await button("Lock").click();
    await carla.getByText("Your session is over.").waitFor();
    await button("Unlock").click();
    await button("Lock").waitFor();

    await open(anna, "#/groups");
    await button("New group").click();
    await anna.getByRole("dialog").getByLabel("Name").fill("Night shift");
    await inDialog("Create").click();
    await heading(anna, "Night shift").waitFor();
    await anna.getByRole("region", { name: "Members" }).getByLabel("carla").check();
    await button("Save the members").click();
    await eventually("carla is in both at web2", SOON_MS, async () => {
      return (await place.b.bus.collection("users").get(String(uid)))?.doc.groups?.length === 2;
    });

    await open(anna, `#/users/${uid}`);
    await button("Delete").click();
    await inDialog("Delete the user").click();
    await heading(anna, "Users").waitFor();
    await eventually("carla is gone at web2", SOON_MS, async () => !(await place.b.bus.collection("users").get(String(uid))));
    await carla.context().close();
  });

  it("reads a long list piece by piece, and finds among what was read", async () => {
    await Promise.all(Array.from({ length: 101 }, (_, n) => dashboard(`many-${n}`)));
    const rows = anna.getByRole("main").getByRole("listitem");
    const more = anna.getByRole("button", { name: "Read more" });
    await open(anna, "#/dashboards");
    await more.waitFor();
    assert.equal(await rows.count(), 100);
    await more.click();
    await more.waitFor({ state: "detached" });
    assert.ok((await rows.count()) > 100);
    await anna.getByLabel("Find").fill("WAS many-100");
    await rows.getByText("many-100").waitFor();
    assert.equal(await rows.count(), 1);
    await anna.getByLabel("Find").fill("nothing like it");
    await anna.getByText("No dashboard fits. Try another word.").waitFor();
  });

  it("says in words that its webserver is on hold, and lets nothing be saved", async () => {
    await dashboard("held");
    await edit(anna, "held");
    await description(anna).fill("typed before");
    // The datastore that comes back has lost everything, the keys to what webservers have too: somebody must decide.
    const { deployment } = place.web;
    await deployment.stopDatastore();
    rmSync(join(deployment.dir, "datastore"), { recursive: true });
    await deployment.restartDatastore();
    await anna.getByText("On hold.", { exact: true }).waitFor();
    await anna.getByText("nothing can be changed until an administrator has settled it").waitFor();
    await anna.getByText("This webserver is on hold: nothing can be saved now.").waitFor();
    assert.ok(await anna.getByRole("button", { name: "Save", exact: true }).isDisabled());
    assert.equal(await description(anna).inputValue(), "typed before");
    assert.deepEqual(await barriersOf(anna, "held"), []);
  });

  it("has not complained", () => {
    assert.deepEqual(browsing.faults, []);
  });
});

/** Presses Tab until what has this name has the focus. */
async function tabTo(page: Page, wanted: string): Promise<void> {
  const focused = `(() => { const { activeElement: at } = document; return at.labels?.[0]?.textContent ?? at.textContent; })()`;
  for (let pressed = 0; pressed < 60; pressed++) {
    await page.keyboard.press("Tab");
    if ((await page.evaluate<string>(focused)).trim() === wanted) return;
  }
  assert.fail(`'${wanted}' can't be reached by Tab`);
}
