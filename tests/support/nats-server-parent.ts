// Launches a nats-server from argv (binary, config, folder), prints what it has as one JSON line, and stays until it is killed.
// A program of its own, so that a test can end it in ways that leave it no last word.
import { launchNatsServer } from "../../functions/nats-server/index.ts";

const [, , binary = "", config = "", dir = ""] = process.argv;
process.on("SIGINT", () => {});
const server = await launchNatsServer({ binary, config, dir });
console.log(JSON.stringify({ pid: server.pid, port: server.port }));
setInterval(() => {}, 60_000);
