/** A process that does everything with passwords that a deployment can, and prints what it is shown and refused. Its parent gets the secrets. */
import { inspect } from "node:util";
import type { Bus } from "../../bus/index.ts";
import { asker } from "./asking.ts";
import { deploy } from "./deployment.ts";
import { eventually } from "./nats-server-kit.ts";
import { hashed, plant, QUICK } from "./passwords.ts";
import { makeUser } from "./people.ts";

const [OLD, NEW, WRONG] = ["old-pass-phrase", "new-pass-phrase", "wrong-pass-phrase"];
const show = (shown: unknown) => console.log(inspect(shown, { depth: 20, breakLength: 1000 }));
const shown = (promise: Promise<unknown>) => promise.then(show, show);

async function run(): Promise<void> {
  await using deployment = await deploy({ webservers: 2, handlers: 2, bus: { updateInterval: 0.5 } });
  const [a, b] = deployment.buses as [Bus, Bus];
  const raw = await asker(deployment, "raw");
  const uid = await makeUser(a, { user: "u" });
  const weak = hashed(OLD, QUICK);
  const revision = await plant(deployment, uid, { password: weak });
  await a.caughtUp();
  for (const password of [WRONG, OLD]) await shown(a.call("users.login", { user: "u", password }));
  await shown(a.call("users.setPassword", { uid, password: NEW, current: WRONG }, { by: uid }));
  await shown(a.call("users.setPassword", { uid, password: NEW, current: OLD }, { by: uid }));
  await shown(b.call("users.login", { user: "u", password: NEW, lockAfter: "x" as never }));
  await shown(raw.ask("users.login", { user: "u", password: [NEW] }));
  await shown(raw.ask("users.setPassword", { uid, password: { text: NEW } }));
  await a.caughtUp();
  await b.caughtUp();
  const { doc } = (await b.collection("users").get(String(uid))) ?? { doc: undefined };
  process.send?.({ secrets: [OLD, NEW, WRONG, weak.hash, weak.salt, doc?.password?.hash, doc?.password?.salt] });
  for (const by of [uid, 1]) {
    const users = b.asUser(by).collection("users");
    await shown(users.get(String(uid)));
    await shown(users.list());
    await shown(users.list({ where: { password: weak } }));
    await shown(users.patch(String(uid), { name: "n" }, { ifRevision: revision }));
    await shown(users.changes({ since: 0 }).next());
  }
  for (const request of [{ ifRevision: revision }, { base: revision }])
    await shown(raw.ask("patch", "users", { id: String(uid), merge: { name: "n" }, ...request }));
  await shown(b.collection("users").patch(String(uid), { name: "n" }, { ifRevision: revision }));
  await shown(b.collection("users").patch(String(uid), { user: "" }));
  const killed = deployment.datastore.pids.handlers;
  for (const pid of killed) process.kill(pid, "SIGKILL");
  await eventually("they were missed", 60_000, () => !killed.some((pid) => deployment.datastore.pids.handlers.includes(pid)));
  await shown(a.call("users.login", { user: "u", password: NEW }, { timeoutMs: 500 }));
}

await run();
process.disconnect?.();
