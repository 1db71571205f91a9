// Goal: nothing is lost, hidden or overwritten when people go back, log out, share, have rights taken away, or use names nobody thought of. Method: real
// browsers on two webservers, and the other people's changes through the bus.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Page } from "playwright-core";
import { type Browsing, findBrowser, openBrowser, SOON_MS } from "./support/browser.ts";
import { type Place, twoWebservers } from "./support/console-data.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { PASSWORD } from "./support/webservers.ts";

describe("the console, for demanding people,", { skip: findBrowser() === undefined && "there is no Chromium" }, () => {
  let place: Place;
  let browsing: Browsing;

  before(async () => {
    place = await twoWebservers();
    browsing = await openBrowser();
  });
  after(async () => {
    await browsing?.[Symbol.asyncDispose]();
    await place?.[Symbol.asyncDispose]();
  });

  const button = (page: Page, label: string) => page.getByRole("button", { name: label, exact: true });
  const boards = () => place.a.bus.asUser(place.anna).collection("dashboards");
  const boardOf = async (id: string) => (await boards().get(id))?.doc;
  const made = async (id: string, fields: object = {}) => {
    const { revision } = await boards().put({ id, name: id, ...fields });
    await place.b.bus.caughtUp(revision);
  };

  it("lets nobody around the login when a session is over, however often they press Escape", async () => {
    await made("behind", { writers: { users: [place.ben] } });
    const page = await browsing.visit(place.a, "ben");
    await page.goto("/#/dashboards/behind/edit");
    await page.getByLabel("Description").fill("half a sentence");
    await place.a.bus.call("users.logout", { uid: place.ben });
    await page.getByText("Your session is over.").waitFor();
    for (let n = 0; n < 4; n++) await page.keyboard.press("Escape");
    await page.locator("dialog[open]").getByLabel("Password").waitFor();
    assert.equal(await page.locator("dialog[open]").count(), 1);
  });

  it("goes back to where somebody came from, also after they chose to stay", async () => {
    await made("stay");
    const page = await browsing.visit(place.a, "anna");
    await page.getByRole("link", { name: "stay", exact: true }).click();
    await page.getByRole("link", { name: "Edit", exact: true }).click();
    await page.getByLabel("Description").fill("half a sentence");
    let leaves = false;
    page.on("dialog", (dialog) => (leaves ? dialog.accept() : dialog.dismiss()));
    const back = () => page.evaluate("history.back()");
    const at = (end: string) => page.waitForURL((url) => url.hash === end);
    const asked = page.waitForEvent("dialog");
    await back();
    await asked;
    await at("#/dashboards/stay/edit");
    assert.equal(await page.getByLabel("Description").inputValue(), "half a sentence");
    leaves = true;
    await back();
    await at("#/dashboards/stay");
    await back();
    await button(page, "New dashboard").waitFor();
    await page.evaluate("history.forward()");
    await at("#/dashboards/stay");
    // What leads to the content is no page to come back to.
    await page.getByRole("link", { name: "Skip to the content" }).focus();
    await page.keyboard.press("Enter");
    await page.locator("main:focus").waitFor();
    await at("#/dashboards/stay");
    await back();
    await button(page, "New dashboard").waitFor();
  });

  it("asks before it logs somebody out who has not saved", async () => {
    await made("unsaved");
    const page = await browsing.visit(place.a, "anna");
    await page.goto("/#/dashboards/unsaved/edit");
    await page.getByLabel("Description").fill("half a sentence");
    const asked = page.waitForEvent("dialog").then((dialog) => dialog.dismiss());
    await button(page, "Log out anna").click();
    await asked;
    assert.equal(await page.getByLabel("Description").inputValue(), "half a sentence");
    page.once("dialog", (dialog) => dialog.accept());
    await button(page, "Log out anna").click();
    await button(page, "Log in").waitFor();
  });

  it("shares with whom was chosen, and leaves whom somebody else put in meanwhile", async () => {
    const { a, ben, web } = place;
    const fay = await web.user("fay", { name: "Fay" });
    await made("shared", { readers: { users: [ben], groups: [1] } });
    const page = await browsing.visit(place.a, "anna");
    await page.goto("/#/dashboards/shared");
    await button(page, "Share").click();
    const sees = page.getByRole("region", { name: "Can see it" });
    await sees.getByLabel("Ben Okafor").uncheck();
    await sees.getByLabel("Security").check();
    await a.bus.collection("dashboards").patch("shared", { readers: { users: [ben, fay] }, writers: { groups: [1] } });
    // And once more just as it is saved.
    let between = 0;
    await page.route("**/api/dashboards/shared", async (route) => {
      if (route.request().method() === "PATCH" && between++ === 0)
        await a.bus.collection("dashboards").patch("shared", { writers: { users: [fay] } });
      await route.continue();
    });
    await button(page, "Save sharing").click();
    await page.getByText("Sharing saved.").waitFor();
    assert.ok(between > 1);
    const { readers, writers } = (await boardOf("shared")) ?? {};
    assert.deepEqual(readers, { users: [fay], groups: [1, 2] });
    assert.deepEqual(writers, { users: [fay], groups: [1] });
    await page.unrouteAll({ behavior: "ignoreErrors" });
  });

  it("lets somebody who may write bring a version back; the sharing stays the owner's", async () => {
    const writers = { users: [place.ben] };
    await made("before", { description: "As it was", writers });
    await boards().patch("before", { description: "Worse", readers: { groups: [1] } });
    await place.b.bus.caughtUp();
    const page = await browsing.visit(place.b, "ben");
    await page.goto("/#/dashboards/before/versions");
    await page.getByRole("button", { name: "Bring back" }).first().click();
    await button(page, "Bring it back").click();
    await page.getByText("As it was").waitFor();
    await place.a.bus.caughtUp();
    const doc = await boardOf("before");
    assert.deepEqual(doc?.readers, { groups: [1] });
    assert.deepEqual(doc?.writers, writers);
    assert.equal(doc?.ownerId, place.anna);
  });

  it("does not call deleted what is no longer shared, and says why it can't be saved", async () => {
    await made("taken", { writers: { users: [place.ben] } });
    const page = await browsing.visit(place.a, "ben");
    await page.goto("/#/dashboards/taken/edit");
    await page.getByLabel("Description").fill("half a sentence");
    await boards().patch("taken", { writers: { users: [] } });
    await page.getByText("Somebody has deleted this, or shares it with you no longer.").waitFor();
    assert.equal(await page.getByLabel("Description").inputValue(), "half a sentence");
    await button(page, "Make it again, as you see it").click();
    await page.getByText("You have no right to do this.").waitFor();
  });

  it("offers nothing that can't be done for a user or a group that somebody else has deleted", async () => {
    const { a, web } = place;
    const uid = await web.user("gone");
    const { id: gid } = await a.bus.collection("groups").put({ name: "Gone" });
    for (const [collection, id] of [
      ["users", String(uid)],
      ["groups", gid],
    ] as const) {
      const page = await browsing.visit(a, "anna");
      await page.goto(`/#/${collection}/${id}`);
      await button(page, "Delete").waitFor();
      await a.bus.collection(collection).delete(id);
      await page.getByText("Somebody has deleted this.").waitFor();
      assert.equal(await button(page, "Delete").count(), 0);
      assert.equal(await button(page, "Make it again, as you see it").count(), 0);
    }
  });

  it("keeps its colours when the preferences can't be read for a moment", async () => {
    const { a, anna } = place;
    const prefs = a.bus.asUser(anna).collection("preferences");
    const set = (theme: string) => prefs.put({ uid: anna, name: "prefs", data: { theme } });
    await set("dark");
    const page = await browsing.visit(a, "anna");
    await page.locator("html[data-theme=dark]").waitFor();
    let refused = 0;
    const seen: (string | null)[] = [];
    await page.route("**/api/preferences/prefs", async (route) => {
      seen.push(await page.locator("html").getAttribute("data-theme"));
      if (refused++ === 0) await route.fulfill({ status: 503, json: { code: "NO_WEBSERVER", message: "None." } });
      else await route.continue();
    });
    await set("light");
    await page.locator("html[data-theme=light]").waitFor();
    assert.deepEqual(seen.slice(0, 2), ["dark", "dark"]);
    await page.unrouteAll({ behavior: "ignoreErrors" });
  });

  it("shows the lines of a search while it runs, also when they come slower than it finds more", async () => {
    const page = await browsing.visit(place.a, "anna");
    const result = { id: "slow", webserver: "web1", query: "GET", state: "running", ownerId: place.anna };
    await page.route("**/api/searchctrl/slow", (route) => route.fulfill({ json: result }));
    let found = 0;
    // Each answer ends, and the browser asks again: so more is found all the time.
    await page.route("**/api/searchctrl/slow/progress", (route) => {
      const progress = { state: "running", lines: ++found, bytes: found, scanned: found, total: 1000 };
      return route.fulfill({ contentType: "text/event-stream", body: `retry: 50\ndata: ${JSON.stringify(progress)}\n\n` });
    });
    await page.route("**/api/searchctrl/slow/lines", async (route) => {
      const before = found;
      await eventually("more has been found", SOON_MS, () => found > before + 2);
      const start = Number(/bytes=(\d+)/.exec(route.request().headers().range ?? "")?.[1]);
      const line = `${JSON.stringify({ time: null, source: "a.log", text: "GET /" })}\n`;
      await (start === 0 ? route.fulfill({ status: 206, body: line }) : route.fulfill({ status: 416 }));
    });
    await page.goto("/#/search/slow");
    await page.getByRole("list", { name: "lines" }).getByText("GET /").waitFor();
    await page.unrouteAll({ behavior: "ignoreErrors" });
    await page.close();
  });

  it("gives back the connection of a page that was opened in the background", async () => {
    const page = await browsing.visit(place.a, "anna");
    await page.clock.install();
    await page.addInitScript("Object.defineProperty(Document.prototype, 'hidden', { get: () => !globalThis.seen })");
    const opens = () => page.waitForRequest("**/api/events");
    const first = opens();
    await page.reload();
    const request = await first;
    const given = page.waitForEvent("requestfailed", (one) => one === request);
    await page.getByRole("link", { name: "stay", exact: true }).waitFor();
    await page.clock.fastForward(31_000);
    await given;
    const again = opens();
    await page.evaluate("globalThis.seen = true; document.dispatchEvent(new Event('visibilitychange'))");
    await again;
    await page.close();
  });

  it("makes one thing of what is sent again because no answer came", async () => {
    const page = await browsing.visit(place.a, "anna");
    let lost = 0;
    await page.route("**/api/dashboards", async (route) => {
      if (route.request().method() !== "POST" || lost++ > 0) return await route.continue();
      await route.fetch();
      await route.abort();
    });
    await button(page, "New dashboard").click();
    await page.getByLabel("Name", { exact: true }).fill("Only one");
    await button(page, "Create").click();
    await page.getByText("This webserver does not answer.").waitFor();
    await button(page, "Create").click();
    await page.waitForURL(/\/edit$/);
    assert.equal(lost, 2);
    const { items } = await place.a.bus.collection("dashboards").list({ where: { name: "Only one" } });
    assert.equal(items.length, 1);
    await page.unrouteAll({ behavior: "ignoreErrors" });
  });

  it("leaves no resource behind whose upload was stopped, and has room for pages while many files are on their way", async () => {
    const page = await browsing.visit(place.a, "anna");
    await page.goto("/#/resources");
    const line = await page.context().newCDPSession(page);
    await line.send("Network.enable");
    const slow = { offline: false, latency: 5, downloadThroughput: -1, uploadThroughput: 50_000 };
    await line.send("Network.emulateNetworkConditions", slow);
    const files = Array.from({ length: 8 }, (_none, n) => ({
      ...{ name: `slow-${n}.bin`, mimeType: "application/octet-stream", buffer: Buffer.alloc(1_000_000, n) },
    }));
    await page.getByLabel("Files to upload").setInputFiles(files);
    await page.getByText("Waits for its turn").first().waitFor();
    await page.getByRole("link", { name: "Groups", exact: true }).click();
    await page.getByRole("link", { name: "Security", exact: true }).waitFor();
    await page.getByRole("link", { name: "Resources", exact: true }).click();
    const stop = page.getByRole("button", { name: /^Stop/ });
    assert.equal(await stop.count(), files.length);
    // The last first: those that wait don't begin.
    while ((await stop.count()) > 0) await stop.last().click();
    await page.getByText("There are no resources yet.").waitFor();
    await line.send("Network.emulateNetworkConditions", { ...slow, uploadThroughput: -1 });
    await page.getByLabel("Files to upload").setInputFiles({ ...files[0], name: "Größe 100%.bin" } as (typeof files)[0]);
    await page.getByRole("link", { name: "Download Größe 100%.bin" }).waitFor();
    assert.deepEqual(
      (await place.a.bus.collection("resources").list()).items.map(({ doc }) => [doc.name, doc.size]),
      [["Größe 100%.bin", 1_000_000]],
    );
    // Whoever logs in next at this browser sees nothing of it.
    await button(page, "Log out anna").click();
    await page.getByLabel("User").fill("ben");
    await page.getByLabel("Password").fill(PASSWORD);
    await button(page, "Log in").click();
    await page.getByText("There are no resources yet.").waitFor();
    assert.equal(await page.getByText("Größe").count(), 0);
  });

  it("has room for names of any length, on a phone, too", async () => {
    const { a } = place;
    const long = "Unterbrechungsfreie".repeat(10);
    const { id: gid } = await a.bus.collection("groups").put({ name: long });
    await place.web.user("long", { name: long, groups: [Number(gid)] });
    await made("long", { name: long, description: long, labels: [long], readers: { groups: [Number(gid)] } });
    const page = await browsing.visit(place.a, "anna", { viewport: { width: 360, height: 740 } });
    for (const hash of ["dashboards", "dashboards/long", "dashboards/long/edit", "users", `groups/${gid}`]) {
      await page.goto(`/#/${hash}`);
      await page
        .locator(`text=${long}`)
        .first()
        .or(page.getByLabel("Name", { exact: true }))
        .first()
        .waitFor();
      assert.equal(await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth"), 0, hash);
    }
  });

  it("has not complained", () => {
    const expected = /status of (400|403)/;
    assert.deepEqual(
      browsing.faults.filter((fault) => !expected.test(fault)),
      [],
    );
  });
});
