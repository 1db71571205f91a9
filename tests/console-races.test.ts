// Goal: pages are right also when answers and events come in an unlucky order, or an answer does not come at all. Method: real browsers on two webservers; what is
// to be late, or to fail once, is held back in the browser.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Page, Route } from "playwright-core";
import { type Browsing, findBrowser, openBrowser, SOON_MS } from "./support/browser.ts";
import { type Place, twoWebservers } from "./support/console-data.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { PASSWORD } from "./support/webservers.ts";

describe("the console, when the order of events is unlucky,", {
  skip: findBrowser() === undefined && "there is no Chromium",
}, () => {
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
  const refuse = (route: Route, code = "NO_WEBSERVER", status = 503) =>
    route.fulfill({ status, json: { code, message: "No webserver can be reached at the moment." } });

  it("shows what was changed after it was read and before its events began", async () => {
    const page = await browsing.visit(place.a);
    let open = () => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    await page.route("**/api/events", async (route) => {
      await gate;
      await route.continue();
    });
    await page.getByLabel("User").fill("anna");
    await page.getByLabel("Password").fill(PASSWORD);
    await button(page, "Log in").click();
    await page.getByText("There are no dashboards yet.").waitFor();
    await boards().put({ id: "between", name: "In between" });
    open();
    await page.getByRole("link", { name: "In between" }).waitFor();
  });

  it("reads what is edited again when it could not be read, and says so no longer", async () => {
    const { revision } = await boards().put({ id: "again", name: "Again" });
    await place.b.bus.caughtUp(revision);
    const page = await browsing.visit(place.a, "anna");
    let refused = 0;
    await page.route("**/api/dashboards/again", (route) => (refused++ === 0 ? refuse(route) : route.continue()));
    await page.goto("/#/dashboards/again/edit");
    await page.getByLabel("Name", { exact: true }).waitFor();
    assert.ok(refused >= 1);
    await page.getByText("That did not work.").waitFor({ state: "detached" });
  });

  it("keeps what was typed when a webserver is just stopping as somebody logs in again", async () => {
    await boards().put({ id: "typed", name: "Typed", writers: { users: [place.ben] } });
    const page = await browsing.visit(place.a, "ben");
    await page.goto("/#/dashboards/typed/edit");
    await page.getByLabel("Description").fill("half a sentence");
    await place.a.bus.call("users.logout", { uid: place.ben });
    await page.getByText("Your session is over.").waitFor();
    let refused = 0;
    await page.route("**/api/users/me", (route) => (refused++ === 0 ? refuse(route, "CLOSED") : route.continue()));
    await page.getByLabel("User").fill("ben");
    await page.getByLabel("Password").fill(PASSWORD);
    await button(page, "Log in").click();
    await page.getByText("Your session is over.").waitFor({ state: "detached" });
    assert.ok(refused > 1);
    assert.equal(await page.getByLabel("Description").inputValue(), "half a sentence");
  });

  it("says why lines can't be read, also when that is over as it says so", async () => {
    const page = await browsing.visit(place.a, "anna");
    const made = await page.request.post("/api/searchctrl", { data: { query: "GET", background: true } });
    const { id } = (await made.json()) as { id: string };
    await eventually(
      "it has ended",
      SOON_MS,
      async () => (await place.a.bus.collection("results").get(id))?.doc.state === "done",
    );
    let refused = 0;
    await page.route("**/lines", (route) => (refused++ === 0 ? refuse(route, "WEBSERVER_UNREACHABLE", 502) : route.continue()));
    await page.goto(`/#/search/${id}`);
    await page.getByText("No webserver can be reached at the moment.").waitFor();
    await button(page, "Try again").click();
    await page.getByRole("list", { name: "lines" }).getByRole("listitem").first().waitFor();
  });

  it("changes of a group's members only those that were chosen", async () => {
    const { web, a, b } = place;
    const [carla, dora, emil] = [await web.user("carla"), await web.user("dora"), await web.user("emil")];
    const { id } = await a.bus.collection("groups").put({ name: "Many" });
    const gid = Number(id);
    const membersAt = async (server: Place["a"]) =>
      (await server.bus.collection("users").list()).items
        .filter(({ doc }) => doc.groups?.includes(gid))
        .map(({ doc }) => doc.uid);
    await a.bus.call("groups.setMembers", { gid, members: [carla, dora] });
    const page = await browsing.visit(place.a, "anna");
    // As where there are more people than a page knows.
    await page.route("**/api/users?*", async (route) => {
      const answer = await route.fetch();
      const { items } = (await answer.json()) as { items: { uid: number }[] };
      await route.fulfill({ response: answer, json: { items: items.filter(({ uid }) => uid !== carla) } });
    });
    await page.goto(`/#/groups/${gid}`);
    const members = page.getByRole("region", { name: "Members" });
    assert.ok(await members.getByLabel("dora").isChecked());
    await members.getByLabel("dora").uncheck();
    await members.getByLabel("Ben Okafor").check();
    // Somebody else adds one meanwhile.
    const { revision } = await b.bus.collection("users").patch(String(emil), { groups: [gid] });
    await a.bus.caughtUp(revision);
    await button(page, "Save the members").click();
    await page.getByText("The members are saved.").waitFor();
    await eventually("they are", SOON_MS, async () => (await membersAt(a)).includes(place.ben));
    assert.deepEqual(
      await membersAt(a),
      [place.ben, carla, emil].sort((x, y) => x - y),
    );
    // Pages go on reading until they are closed.
    await page.unrouteAll({ behavior: "ignoreErrors" });
  });

  it("has not complained", () => {
    assert.deepEqual(browsing.faults, []);
  });
});
